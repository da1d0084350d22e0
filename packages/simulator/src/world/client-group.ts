import type { Clock } from "@weftmesh/core";
import { FloatList } from "../measure/float-list.ts";
import { Tally } from "../measure/tally.ts";
import type { AttemptCounter } from "./call-record.ts";

/** What all clients of one kind did together: those of the load, or those by which one tier calls another. */
export class ClientGroup implements AttemptCounter {
  readonly name: string;
  calls = 0;
  attempts = 0;
  retries = 0;
  readonly attemptsOverTime: Tally;
  readonly retriesOverTime: Tally;
  /** Set when the times are kept. */
  readonly retryTimesMs: FloatList | undefined;
  readonly #clock: Clock;

  constructor(name: string, clock: Clock, bucketMs: number, keepsTimes: boolean) {
    this.name = name;
    this.#clock = clock;
    this.attemptsOverTime = new Tally(bucketMs);
    this.retriesOverTime = new Tally(bucketMs);
    this.retryTimesMs = keepsTimes ? new FloatList() : undefined;
  }

  attempt(isRetry: boolean): void {
    const nowMs = this.#clock.now();
    this.attempts++;
    this.attemptsOverTime.count(nowMs);
    if (!isRetry) return;
    this.retries++;
    this.retriesOverTime.count(nowMs);
    this.retryTimesMs?.push(nowMs);
  }
}
