/** What a call's end or head says; `later` is a head that says nothing yet. */
export type Said = "good" | "bad" | "nothing";

export interface ModelCall {
  readonly kind: "counted" | "probe" | "passed";
  /** The life or the outage in which it began. */
  readonly epoch: number;
  head: Said | undefined;
  over: boolean;
  /** A probe that ended an outage by its head: the life in which its end counts. */
  countsIn: number | undefined;
}

interface Settings {
  readonly failures: number;
  readonly waitsMs: readonly number[];
  readonly probeTimeoutMs: number;
}

/**
 * A breaker over consecutive failures, written down as a table of what happens in which state, to compare with.
 *
 * Source: finagle.md 4.1, with the corrections that the README of this package lists.
 */
export class BreakerModel {
  state: "alive" | "dead" | "probeOpen" | "probeClosed" = "alive";
  /** Counts up at each ejection and each revival. */
  epoch = 0;
  nowMs = 0;
  /** End of the outage's wait, or of the patience with the probe. */
  dueMs = Number.POSITIVE_INFINITY;
  probe: ModelCall | undefined;
  row = 0;
  waits = 0;
  removals = 0;
  revivals = 0;
  probes = 0;
  removedForMs = 0;
  readonly turns: string[] = [];
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  get status(): "open" | "busy" {
    return this.state === "alive" || this.state === "probeOpen" ? "open" : "busy";
  }

  begin(): ModelCall {
    const kind = this.state === "alive" ? "counted" : this.state === "probeOpen" ? "probe" : "passed";
    const call: ModelCall = { kind, epoch: this.epoch, head: undefined, over: false, countsIn: undefined };
    if (kind === "probe") {
      this.state = "probeClosed";
      this.probes++;
      this.probe = call;
      this.dueMs = this.nowMs + this.#settings.probeTimeoutMs;
    }
    return call;
  }

  head(call: ModelCall, said: Said): void {
    if (call.head !== undefined || call.over) return;
    call.head = said;
    if (said === "bad") this.#verdict(call, "bad");
    else if (said === "good" && call.kind === "probe" && call !== this.probe && call.epoch === this.epoch) {
      this.#reviveBy(call);
    }
  }

  end(call: ModelCall, said: Said): void {
    if (call.over) return;
    call.over = true;
    if (call.head === "bad") return;
    // An end that says nothing takes nothing back from the head; a whole answer is what its head was.
    if (said === "nothing") this.#verdict(call, call.head ?? "nothing");
    else if (said === "good") this.#verdict(call, call.head ?? "good");
    else this.#verdict(call, "bad");
  }

  advance(ms: number): void {
    const untilMs = this.nowMs + ms;
    while (this.dueMs <= untilMs) {
      this.nowMs = this.dueMs;
      this.dueMs = Number.POSITIVE_INFINITY;
      const { probe } = this;
      if (this.state === "dead" || probe?.head === "nothing") this.#openForProbe();
      else if (probe?.head === "good") this.#reviveBy(probe);
      else this.#probeFailed();
    }
    this.nowMs = untilMs;
  }

  #verdict(call: ModelCall, said: Said): void {
    if (call.kind === "passed") return;
    if (call.kind === "probe" && call.countsIn === undefined) {
      if (call.epoch !== this.epoch) return;
      if (said === "good") this.#revive();
      else if (call !== this.probe) return;
      else if (said === "bad") this.#probeFailed();
      else this.#openForProbe();
      return;
    }
    if ((call.countsIn ?? call.epoch) !== this.epoch || said === "nothing") return;
    this.row = said === "good" ? 0 : this.row + 1;
    if (this.row < this.#settings.failures || said === "good") return;
    this.epoch++;
    this.removals++;
    this.#die("ejected");
  }

  #probeFailed(): void {
    this.row++;
    this.#die("stillEjected");
  }

  #die(turn: string): void {
    const waitMs = this.#settings.waitsMs[this.waits] ?? 300_000;
    this.waits++;
    this.removedForMs += waitMs;
    this.state = "dead";
    this.probe = undefined;
    this.dueMs = this.nowMs + waitMs;
    this.turns.push(turn);
  }

  #openForProbe(): void {
    this.state = "probeOpen";
    this.probe = undefined;
    this.dueMs = Number.POSITIVE_INFINITY;
  }

  #reviveBy(call: ModelCall): void {
    this.#revive();
    call.countsIn = this.epoch;
  }

  #revive(): void {
    this.state = "alive";
    this.epoch++;
    this.row = 0;
    this.waits = 0;
    this.probe = undefined;
    this.dueMs = Number.POSITIVE_INFINITY;
    this.revivals++;
    this.turns.push("revived");
  }
}
