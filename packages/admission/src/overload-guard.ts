import { type Clock, type Param, param, type Timer } from "@weftmesh/core";
import type { Counter, StatsReceiver } from "@weftmesh/telemetry";
import { OverloadError } from "./errors.ts";
import { checkMarks, MemoryLevel, type MemoryMarks, nextLevel } from "./memory-level.ts";
import type { MemoryUse } from "./pressure.ts";

export interface OverloadGuardOptions {
  readonly clock: Clock;
  readonly stats: StatsReceiver;
  readonly memoryUse: MemoryUse;
  readonly memoryMarks: MemoryMarks;
  /** Connections of clients at most, of all servers together; `Infinity` for no limit. */
  readonly maxConnections: number;
  /** Sockets of all kinds beyond which no connection is taken; `Infinity` where that is not known. */
  readonly maxSockets: () => number;
  /** ms between two looks at the memory; 250 if not given. */
  readonly intervalMs?: number;
}

const defaultIntervalMs = 250;

/**
 * What keeps a process from dying of too much: one for all of its servers, who ask it for each connection and request.
 *
 * Shape: the memory is looked at from time to time while there are connections, and never per request. From the first
 * mark on connections are not kept behind their response, from the second on requests are refused, from the third on
 * connections are.
 * Errors: `refusal` is a `WEFT_OVERLOAD`, flagged rejected. RangeError for marks that do not rise.
 * Cost: a field per request; a timer, and a call of some microseconds each time it fires, while there are connections.
 */
export class OverloadGuard {
  /** Set while requests are refused. */
  refusal: OverloadError | undefined = undefined;
  /** Connections are closed behind their response. */
  keepsNone = false;
  readonly #options: OverloadGuardOptions;
  readonly #intervalMs: number;
  readonly #refusedRequests: Counter;
  readonly #refusedConnections: Counter;
  readonly #gauges: readonly (() => void)[];
  readonly #look: () => void = () => this.#tick();
  #level: number = MemoryLevel.Calm;
  #ratio = 0;
  #connections = 0;
  #timer: Timer | undefined = undefined;

  constructor(options: OverloadGuardOptions) {
    checkMarks(options.memoryMarks);
    this.#options = options;
    this.#intervalMs = options.intervalMs ?? defaultIntervalMs;
    const { stats } = options;
    this.#refusedRequests = stats.counter("refused_requests");
    this.#refusedConnections = stats.counter("refused_connections");
    this.#gauges = [
      stats.gauge(() => this.#level, "memory_level"),
      stats.gauge(() => this.#ratio, "memory_ratio"),
      stats.gauge(() => this.#connections, "connections"),
    ];
  }

  /** The level of memory that was seen last. */
  get level(): number {
    return this.#level;
  }

  /** Whether one more connection is taken, with so many sockets open in the process. */
  admits(openSockets: number): boolean {
    const { maxConnections, maxSockets } = this.#options;
    if (this.#connections < maxConnections && openSockets < maxSockets() && this.#level < MemoryLevel.Full) return true;
    this.#refusedConnections.inc();
    return false;
  }

  opened(): void {
    if (this.#connections++ > 0) return;
    this.#adjust();
    this.#timer = this.#options.clock.after(this.#intervalMs, this.#look);
  }

  closed(): void {
    if (--this.#connections > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** A request is refused: with this. */
  refuse(): OverloadError | undefined {
    if (this.refusal !== undefined) this.#refusedRequests.inc();
    return this.refusal;
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const remove of this.#gauges) remove();
  }

  #tick(): void {
    this.#adjust();
    this.#timer = this.#options.clock.after(this.#intervalMs, this.#look);
  }

  #adjust(): void {
    const { memoryUse, memoryMarks } = this.#options;
    this.#ratio = memoryUse.ratio;
    this.#level = nextLevel(this.#level, this.#ratio, memoryMarks);
    this.keepsNone = this.#level >= MemoryLevel.Soft;
    if (this.#level < MemoryLevel.Hard) this.refusal = undefined;
    else this.refusal = new OverloadError(this.#ratio);
  }
}

/** The guard of the process; servers without one take everything. */
export const OverloadGuardParam: Param<OverloadGuard | undefined> = param<OverloadGuard | undefined>(
  "overloadGuard",
  undefined,
  () => undefined,
);
