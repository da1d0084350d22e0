import type { Clock, Timer } from "@weftmesh/core";
import type { Wire } from "@weftmesh/wire";

/** When a peer is asked whether it is still there. Units: ms. */
export interface KeepAliveOptions {
  /** How long a server may be silent with calls under way. */
  readonly intervalMs: number;
  /** How long it has to answer. */
  readonly timeoutMs: number;
}

/** Whose peer is asked. */
export interface KeptAlive {
  readonly load: number;
  ping(): void;
  /** It did not answer. */
  silent(afterMs: number): void;
}

/**
 * Asks a silent server whether it is still there, while calls wait for it.
 *
 * Shape: one per connection, and only where it is asked for. It compares what the wire has received, so that a read
 * costs nothing; one timer while calls are under way.
 */
export class KeepAlive {
  private readonly clock: Clock;
  private readonly wire: Wire;
  private readonly options: KeepAliveOptions;
  private readonly session: KeptAlive;
  private timer: Timer | undefined = undefined;
  private received = 0;
  private asked = false;

  constructor(clock: Clock, wire: Wire, options: KeepAliveOptions, session: KeptAlive) {
    this.clock = clock;
    this.wire = wire;
    this.options = options;
    this.session = session;
  }

  /** A call has begun. */
  start(): void {
    if (this.timer === undefined) this.wait(this.options.intervalMs);
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private wait(ms: number): void {
    this.received = this.wire.received;
    this.timer = this.clock.after(ms, this.look);
  }

  private readonly look: () => void = () => {
    this.timer = undefined;
    const { session, options, asked } = this;
    this.asked = false;
    if (session.load === 0) return;
    if (this.wire.received !== this.received) this.wait(options.intervalMs);
    else if (asked) session.silent(options.intervalMs + options.timeoutMs);
    else {
      this.asked = true;
      session.ping();
      this.wait(options.timeoutMs);
    }
  };
}
