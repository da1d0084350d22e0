import { asError, type Clock } from "@weftmesh/core";
import type { ClosedArrivals, OpenArrivals } from "../arrivals.ts";
import { exponential } from "../latency.ts";
import type { LoadRecorder } from "../measure/load-recorder.ts";
import type { SeededRng } from "../seeded-rng.ts";
import type { SimClient } from "./sim-client.ts";

export interface LoadGeneratorOptions {
  readonly arrivals: OpenArrivals | ClosedArrivals;
  readonly clients: readonly SimClient[];
  readonly recorder: LoadRecorder;
  readonly clock: Clock;
  readonly rng: SeededRng;
  /** No request is sent after this time. */
  readonly untilMs: number;
  /** Told after each request that has ended. */
  readonly ended: () => void;
}

/** Sends the requests of a load, by its arrivals, through its clients. */
export class LoadGenerator {
  readonly #options: LoadGeneratorOptions;
  #turn = 0;
  #sent = 0;

  constructor(options: LoadGeneratorOptions) {
    this.#options = options;
  }

  start(): void {
    const { arrivals } = this.#options;
    if (arrivals.kind === "closed") this.#startLoop(arrivals);
    else this.#scheduleNext(arrivals, this.#options.rng.stream("arrivals"), this.#options.rng.stream("clients"));
  }

  #scheduleNext(arrivals: OpenArrivals, times: SeededRng, choice: SeededRng): void {
    const { clock, untilMs } = this.#options;
    const { rate, spacing } = arrivals;
    const nowMs = clock.now();
    // Even ones are told from the start, since steps that are added up drift away from where they ought to be.
    const nextMs = spacing === "even" ? rate.whenMore(0, ++this.#sent) : rate.whenMore(nowMs, exponential(times, 1));
    if (!(nextMs <= untilMs)) return;
    clock.after(nextMs - nowMs, () => {
      this.#scheduleNext(arrivals, times, choice);
      this.#send(this.#pick(arrivals, choice), undefined);
    });
  }

  /** In turn, so that even arrivals stay even for each client; by chance where nobody knows of anybody. */
  #pick(arrivals: OpenArrivals, choice: SeededRng): SimClient {
    const { clients } = this.#options;
    if (clients.length === 1) return clients[0] as SimClient;
    const at = arrivals.spacing === "even" ? this.#turn++ % clients.length : Math.floor(choice.next() * clients.length);
    return clients[at] as SimClient;
  }

  #startLoop({ users, think, rampMs }: ClosedArrivals): void {
    const { clock, clients, rng, untilMs } = this.#options;
    for (let user = 0; user < users; user++) {
      const own = rng.stream(`user/${user}`);
      const client = clients[user % clients.length] as SimClient;
      const ask = (): void => {
        if (clock.now() <= untilMs) this.#send(client, () => void clock.after(think.sampleMs(own), ask));
      };
      clock.after((rampMs * user) / users, ask);
    }
  }

  #send(client: SimClient, then: (() => void) | undefined): void {
    const { recorder, clock, ended } = this.#options;
    const sentMs = clock.now();
    recorder.sent(sentMs);
    client.dispatch().then(
      (rep) => {
        recorder.respond(sentMs, clock.now(), rep);
        ended();
        then?.();
      },
      (thrown: unknown) => {
        recorder.fail(sentMs, asError(thrown));
        ended();
        then?.();
      },
    );
  }
}
