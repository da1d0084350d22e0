import { type Clock, type Timer, WeftError } from "@weftmesh/core";
import { type Body, BodyRelay, type TunnelEnd } from "@weftmesh/http";
import { type Counter, nullStats, type Stat, type StatsReceiver } from "@weftmesh/telemetry";

/** What a server makes tunnels of, and for how long. Units: ms; `Infinity` leaves a limit out. */
export interface TunnelSettings {
  /** Whether `CONNECT` is served. */
  readonly connect: boolean;
  /** The protocols, in lower case, that `Upgrade` may ask for; any other is dropped from the request. */
  readonly upgrades: ReadonlySet<string>;
  /** A tunnel in which nothing moves for so long is closed. */
  readonly idleTimeMs: number;
  /** A tunnel older than this is closed. */
  readonly lifeTimeMs: number;
  readonly stats: TunnelStats;
}

/** What the tunnels of one server are counted by. */
export class TunnelStats {
  readonly opened: Counter;
  readonly idle: Counter;
  readonly lifetime: Counter;
  /** From clients, and to them. */
  readonly receivedBytes: Counter;
  readonly sentBytes: Counter;
  readonly durationMs: Stat;
  /** Tunnels that are open now. */
  open = 0;
  readonly #stats: StatsReceiver;
  #watchers = 0;
  #removeGauge: () => void = () => {};

  /** Counts below `stats`, which is the server's scope and `tunnels`. */
  constructor(stats: StatsReceiver) {
    this.#stats = stats;
    this.opened = stats.counter("opened");
    this.idle = stats.counter("idle");
    this.lifetime = stats.counter("lifetime");
    this.receivedBytes = stats.counter("received_bytes");
    this.sentBytes = stats.counter("sent_bytes");
    this.durationMs = stats.stat("duration_ms");
  }

  /** Shows how many are open, once for all that share these. The result takes the gauge away when the last has. */
  watchOpen(): () => void {
    if (this.#watchers++ === 0) this.#removeGauge = this.#stats.gauge(() => this.open, "open");
    return () => {
      if (--this.#watchers === 0) this.#removeGauge();
    };
  }
}

/** Counts nothing. */
export const nullTunnelStats: TunnelStats = new TunnelStats(nullStats);

/** A tunnel had its time. Neither a success nor a failure of either end. */
export class TunnelLimitError extends WeftError {
  constructor(code: "WEFT_TUNNEL_IDLE" | "WEFT_TUNNEL_LIFETIME", message: string) {
    super(code, message, { flags: ["interrupted", "ignorable"] });
  }
}

/** One way of a tunnel: its bytes are counted as they go by. */
class Direction extends BodyRelay {
  readonly #tunnel: Tunnel;
  readonly #bytes: Counter;

  constructor(source: Body, tunnel: Tunnel, bytes: Counter) {
    super(source);
    this.#tunnel = tunnel;
    this.#bytes = bytes;
  }

  override onData(chunk: Uint8Array): number {
    this.#bytes.inc(chunk.length);
    this.#tunnel.moved();
    return super.onData(chunk);
  }

  /** The sink has written what it had. */
  override resume(): void {
    this.#tunnel.moved();
    super.resume();
  }
}

/**
 * Two connections joined: what comes from either goes to the other, as fast as that one takes it, and so does its end.
 *
 * Shape: whoever joins them learns from elsewhere when the tunnel is over, and calls `closed` then.
 * Cost: two objects, one timer, and a look at the clock for each read.
 */
export class Tunnel {
  private readonly settings: TunnelSettings;
  private readonly clock: Clock;
  private readonly giveUp: (reason: Error) => void;
  private readonly openedMs: number;
  private movedMs: number;
  private timer: Timer | undefined = undefined;
  private isClosed = false;

  /** `giveUp` breaks the tunnel from both ends. */
  constructor(settings: TunnelSettings, clock: Clock, giveUp: (reason: Error) => void) {
    this.settings = settings;
    this.clock = clock;
    this.giveUp = giveUp;
    this.openedMs = clock.now();
    this.movedMs = this.openedMs;
  }

  join(client: TunnelEnd, server: TunnelEnd): void {
    const { stats } = this.settings;
    stats.opened.inc();
    stats.open++;
    this.watch();
    client.send(new Direction(server.incoming, this, stats.sentBytes));
    server.send(new Direction(client.incoming, this, stats.receivedBytes));
  }

  moved(): void {
    this.movedMs = this.clock.now();
  }

  /** It is over, however it ended. */
  closed(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.timer?.cancel();
    this.timer = undefined;
    const { stats } = this.settings;
    stats.open--;
    stats.durationMs.add(this.clock.now() - this.openedMs);
  }

  private watch(): void {
    if (this.isClosed) return;
    const { idleTimeMs, lifeTimeMs, stats } = this.settings;
    const nowMs = this.clock.now();
    const idleMs = this.movedMs + idleTimeMs - nowMs;
    const lifeMs = this.openedMs + lifeTimeMs - nowMs;
    if (lifeMs <= 0) {
      stats.lifetime.inc();
      this.giveUp(new TunnelLimitError("WEFT_TUNNEL_LIFETIME", `a tunnel was open for ${lifeTimeMs} ms`));
    } else if (idleMs <= 0) {
      stats.idle.inc();
      this.giveUp(new TunnelLimitError("WEFT_TUNNEL_IDLE", `nothing moved in a tunnel for ${idleTimeMs} ms`));
    } else {
      const leftMs = Math.min(idleMs, lifeMs);
      if (leftMs !== Number.POSITIVE_INFINITY) this.timer = this.clock.after(leftMs, () => this.watch());
    }
  }
}
