import {
  asError,
  type Ctx,
  defineModule,
  type Module,
  type Param,
  param,
  type Role,
  role,
  type Service,
  type Status,
  worst,
} from "@weftmesh/core";
import { type Counter, StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import { GateShutError } from "./errors.ts";

export const GateRole: Role = role("gate");

/** `limited` lets a number of calls pass, and none after them until it is changed. */
export type GateState = "open" | "limited" | "shut";

/**
 * Says whether calls may pass, for whoever knows better than the calls: a breaker, a health check, an operator.
 *
 * Shape: open at first. Listeners hear of every change when it is made, in the order in which they came.
 * Source: linkerd2-proxy's gate.
 */
export class Gate {
  #permits: number = Number.POSITIVE_INFINITY;
  #state: GateState = "open";
  readonly #listeners: Set<() => void> = new Set();

  get state(): GateState {
    return this.#state;
  }

  /** Calls that may pass before the next change: `Infinity` while it is open. */
  get permits(): number {
    return this.#permits;
  }

  open(): void {
    this.#change("open", Number.POSITIVE_INFINITY);
  }

  /** Lets `permits` calls pass from now on, whatever was before. Errors: RangeError unless it is a whole number above 0. */
  limit(permits: number): void {
    if (!Number.isInteger(permits) || permits < 1) {
      throw new RangeError(`a gate is limited to a whole number of calls above 0, not ${permits}`);
    }
    this.#change("limited", permits);
  }

  shut(): void {
    this.#change("shut", 0);
  }

  /** Whether a call may pass, which then counts. */
  tryPass(): boolean {
    if (this.#permits <= 0) return false;
    this.#permits--;
    return true;
  }

  /** Calls `listener` after each change, until the result is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #change(state: GateState, permits: number): void {
    this.#state = state;
    this.#permits = permits;
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Undefined leaves the module out. */
export const GateParam: Param<Gate | undefined> = param<Gate | undefined>("gate", undefined, (gate) => gate?.state);

class GatedService<Req, Rep> implements Service<Req, Rep> {
  readonly #gate: Gate;
  readonly #next: Service<Req, Rep>;
  readonly #rejected: Counter;
  readonly #removeGauge: () => void;

  constructor(gate: Gate, stats: StatsReceiver, next: Service<Req, Rep>) {
    this.#gate = gate;
    this.#next = next;
    this.#rejected = stats.counter("gate", "rejected");
    this.#removeGauge = stats.gauge(() => (gate.state === "open" ? 1 : 0), "gate", "open");
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    if (!this.#gate.tryPass()) {
      this.#rejected.inc();
      return Promise.reject(new GateShutError(this.#gate.state));
    }
    try {
      return this.#next.call(req, ctx);
    } catch (thrown) {
      return Promise.reject(asError(thrown));
    }
  }

  /** `busy` while no call may pass. */
  get status(): Status {
    return this.#gate.permits > 0 ? this.#next.status : worst("busy", this.#next.status);
  }

  close(): Promise<void> {
    this.#removeGauge();
    return this.#next.close();
  }
}

/**
 * Lets calls pass while its gate is open, as many as it says while it is limited, and none while it is shut.
 *
 * Shape: the gate is `GateParam`, which its holder opens and shuts. A call that may not pass is refused at once; with
 * `failFastQueue` above it waits instead.
 * Errors: `WEFT_GATE_SHUT`, flagged rejected and retryable.
 * Cost: a compare and a decrement.
 */
export const gate: <Req, Rep>() => Module<Service<Req, Rep>> = <Req, Rep>() =>
  defineModule<Service<Req, Rep>, { gate: typeof GateParam; stats: typeof StatsParam }>({
    role: GateRole,
    description: "Lets calls pass while its gate is open",
    params: { gate: GateParam, stats: StatsParam },
    make: ({ gate, stats }, next) => (gate === undefined ? next : new GatedService(gate, stats, next)),
  });
