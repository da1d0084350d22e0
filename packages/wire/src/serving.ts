import type { Connection } from "@weftmesh/http";
import type { FrameWire } from "./wire.ts";

/** A connection of a server, as the server sees it. */
export interface ServedConnection {
  /**
   * Another server takes the connections over. Where nothing is under way it goes now, by `owner.handOver`; else when
   * that is done.
   */
  moveIfIdle(): void;
  /** The server takes no more: a connection with nothing under way closes now, any other behind what is. */
  drainNow(): void;
  /** Closes at once. */
  destroy(): void;
  /** Called every so often with the time, for whatever has a limit in time. */
  check(nowMs: number): void;
}

/** Who keeps a connection: the server that accepted it, or took it over. `S` is what connections find there. */
export interface ConnectionOwner<S> {
  readonly serving: S;
  /** Clients are told with what they are sent that their connection is not kept. */
  readonly draining: boolean;
  /** A connection with nothing under way closes. */
  readonly closesIdle: boolean;
  /** Another server takes the connections over, once nothing is under way on them. */
  readonly handsOver: boolean;
  /** Gives the owner to be. */
  handOver(connection: ServedConnection): ConnectionOwner<S>;
  /** Another object stands for the connection from now on. */
  replace(connection: ServedConnection, by: ServedConnection): void;
  /** The connection is gone. */
  closed(connection: ServedConnection): void;
}

/** What a server speaks. `S` is what its connections find at their owner: itself, as far as they know it. */
export interface Serving<S> {
  /** The protocols that its connections may speak: they go over to a server that speaks all of them. */
  readonly protocols: readonly string[];
  /** How often connections are checked: see `checkInterval`. */
  readonly checkMs: number;
  /**
   * Begins a connection on a wire that nobody reads so far, and reads it. `alpn` is what a client chose within TLS.
   * The connection tells its owner when it has closed.
   */
  begin(owner: ConnectionOwner<S>, wire: FrameWire, connection: Connection, alpn: string | undefined): ServedConnection;
  /** The server is gone, and with it all of its connections; or it never came to listen. */
  ended(): void;
}

/** Checks are this often at most and at least. */
const maxCheckMs = 1_000;
const minCheckMs = 4;

/** Often enough that each of the limits is kept within a fourth of it, as far as that makes sense. Units: ms. */
export function checkInterval(...limitsMs: readonly number[]): number {
  return Math.max(minCheckMs, Math.min(maxCheckMs, Math.min(...limitsMs) / 8));
}
