import type { Wire } from "@weftmesh/wire";
import { RateWindow } from "@weftmesh/wire";
import { Phase } from "./phase.ts";
import type { ServerSettings } from "./server-settings.ts";

/** What the time says of a connection. */
export const Verdict = {
  Fine: 0,
  Idle: 1,
  Lifetime: 2,
  SlowHead: 3,
  SlowBody: 4,
  /** Sends nothing. */
  Silent: 5,
  /** Takes nothing. */
  Stalled: 6,
  /** Had its time after the last response. */
  Lingered: 7,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** What is looked at. */
export interface WatchedConnection {
  readonly wire: Wire;
  readonly phase: Phase;
  /** Goes up whenever a phase begins. */
  readonly marks: number;
  readonly openedMs: number;
  /** The request under way was read whole. */
  readonly requestDone: boolean;
  /** Its body is awaited by somebody who takes it. */
  readonly wantsBody: boolean;
  /** The wire is not read. */
  readonly paused: boolean;
  readonly writer: { readonly answered: boolean; readonly done: boolean };
}

/** For a client that takes nothing of its last response, where no write timeout is set. */
const closingStallMs = 60_000;

/**
 * Tells when a connection has had its time.
 *
 * Shape: one per connection, asked by its server every so often. It compares counters with those of the time before and
 * stamps what moved, so that a request costs no timer and no look at the clock; every limit is kept within two checks.
 */
export class ConnectionWatch {
  /** Those of another server once it has taken the connection over. */
  settings: ServerSettings;
  private marks = 0;
  private phaseMs: number;
  private received = 0;
  private readMs: number;
  private flushed = 0;
  private writeMs: number;
  /** Of what the client sends, and of what it takes. */
  private readonly sending: RateWindow = new RateWindow();
  private taking: RateWindow | undefined = undefined;

  constructor(settings: ServerSettings, nowMs: number) {
    this.settings = settings;
    this.phaseMs = nowMs;
    this.readMs = nowMs;
    this.writeMs = nowMs;
  }

  check(connection: WatchedConnection, nowMs: number): Verdict {
    const { settings } = this;
    const { phase, wire } = connection;
    if (connection.marks !== this.marks) {
      this.marks = connection.marks;
      this.phaseMs = nowMs;
      this.sending.rest();
    }
    const isAwaited = phase <= Phase.Head || (phase === Phase.Exchange && connection.wantsBody);
    if (wire.received !== this.received || !isAwaited) {
      this.received = wire.received;
      this.readMs = nowMs;
    }
    if (this.isStalled(connection, nowMs) || this.isSlowReader(connection, nowMs)) return Verdict.Stalled;
    const ageMs = nowMs - this.phaseMs;
    switch (phase) {
      case Phase.Idle:
        if (ageMs >= settings.idleTimeMs) return Verdict.Idle;
        if (nowMs - connection.openedMs >= settings.lifeTimeMs) return Verdict.Lifetime;
        break;
      case Phase.Head:
        if (ageMs >= settings.limits.headerTimeoutMs) return Verdict.SlowHead;
        break;
      case Phase.Exchange:
        if (connection.requestDone) break;
        if (connection.writer.done) {
          if (ageMs >= settings.limits.lingerMs) return Verdict.Lingered;
        } else if (this.isSlowBody(connection, nowMs)) return Verdict.SlowBody;
        break;
      case Phase.Closing:
        if (ageMs >= settings.limits.lingerMs && wire.pending === 0) return Verdict.Lingered;
        break;
      default:
    }
    return nowMs - this.readMs >= settings.readTimeoutMs ? Verdict.Silent : Verdict.Fine;
  }

  private isStalled(connection: WatchedConnection, nowMs: number): boolean {
    const { wire, phase } = connection;
    const { pending } = wire;
    const flushed = wire.sent - pending;
    if (pending === 0 || flushed !== this.flushed) {
      this.flushed = flushed;
      this.writeMs = nowMs;
      return false;
    }
    const { writeTimeoutMs } = this.settings;
    const limitMs = phase === Phase.Closing ? Math.min(writeTimeoutMs, closingStallMs) : writeTimeoutMs;
    return nowMs - this.writeMs >= limitMs;
  }

  /** Only while we wait for it: not while the service does not take it, nor once it is being answered. */
  private isSlowBody(connection: WatchedConnection, nowMs: number): boolean {
    const { bodyTimeoutMs, minBodyBytesPerSec } = this.settings.limits;
    if (connection.writer.answered || connection.paused || !connection.wantsBody) {
      this.sending.rest();
      return false;
    }
    return this.sending.isSlow(connection.wire.received, nowMs, bodyTimeoutMs, minBodyBytesPerSec);
  }

  /** Only while something waits to be taken: a response that comes slowly is none that is taken slowly. */
  private isSlowReader(connection: WatchedConnection, nowMs: number): boolean {
    const { responseTimeoutMs, minResponseBytesPerSec } = this.settings.limits;
    const { pending, sent } = connection.wire;
    if (pending === 0 || minResponseBytesPerSec === 0) {
      this.taking?.rest();
      return false;
    }
    this.taking ??= new RateWindow();
    return this.taking.isSlow(sent - pending, nowMs, responseTimeoutMs, minResponseBytesPerSec);
  }
}
