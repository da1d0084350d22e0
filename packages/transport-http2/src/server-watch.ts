import { StreamError } from "@weftmesh/http";
import type { FrameWire } from "@weftmesh/wire";
import { RateWindow } from "@weftmesh/wire";
import { ConnectionFault } from "./errors.ts";
import { ErrorCode } from "./frame-types.ts";
import type { Http2ServerSettings } from "./server-settings.ts";
import type { ServerStream } from "./server-stream.ts";
import { SessionPhase } from "./session.ts";
import type { StreamTable } from "./stream-table.ts";

/** What is looked at. */
export interface WatchedSession {
  readonly wire: FrameWire;
  readonly phase: SessionPhase;
  readonly openedMs: number;
  readonly requests: number;
  readonly streams: StreamTable<ServerStream>;
  /** Part of a frame, of a header block or of the first frames is here, and the rest is awaited. */
  readonly isWithinFrame: boolean;
  /** The client has begun as it should, and owes an acknowledgement of our settings. */
  readonly owesAck: boolean;
  /** Goes up with each frame and each header block that was read whole. */
  readonly framesRead: number;
  /** Another server waits for the connection. */
  readonly isAwaited: boolean;
  /** Streams that have brought nothing but their header since the last check. */
  silentStreams: number;
  drain(): void;
  endDrain(): void;
  fail(fault: ConnectionFault): void;
  destroy(): void;
}

/** For a client that takes nothing of its last bytes, where no write timeout is set. */
const closingStallMs = 60_000;
/** How long a client has to hear that the connection ends, before streams that it opens are left out. */
const drainMs = 1_000;
/** How long a connection that is never idle stays with the server whose place another one has taken. */
const handOverMs = 5_000;

/** What was seen of a stream at the last check. */
interface Seen {
  check: number;
  sent: number;
  sentMs: number;
  readonly arriving: RateWindow;
  /** What the client takes; none before that is measured. */
  taken: RateWindow | undefined;
}

/**
 * Tells when a connection or a stream of it has had its time.
 *
 * Shape: one per connection, asked by its server every so often. It compares counters with those of the time before and
 * stamps what moved, so that neither a frame nor a request costs a timer or a look at the clock.
 */
export class ServerWatch {
  /** Those of another server once it has taken the connection over. */
  settings: Http2ServerSettings;
  private checks = 0;
  private requests = 0;
  private busyMs: number;
  private phase: SessionPhase = SessionPhase.Open;
  private phaseMs: number;
  private frames = -1;
  private frameMs: number;
  private received = 0;
  private readMs: number;
  private flushed = 0;
  private writeMs: number;
  /** What the client takes of all streams together. */
  private taken: RateWindow | undefined = undefined;
  private awaitedMs = -1;
  private seen: Map<number, Seen> | undefined = undefined;

  constructor(settings: Http2ServerSettings, nowMs: number) {
    this.settings = settings;
    this.busyMs = nowMs;
    this.phaseMs = nowMs;
    this.frameMs = nowMs;
    this.readMs = nowMs;
    this.writeMs = nowMs;
  }

  check(session: WatchedSession, nowMs: number): void {
    const { settings } = this;
    this.checks++;
    if (session.phase !== this.phase) {
      this.phase = session.phase;
      this.phaseMs = nowMs;
    }
    if (this.isStalled(session, nowMs)) {
      settings.stats.writeTimeout.inc();
      session.destroy();
    } else if (session.phase >= SessionPhase.Closing) this.checkClosing(session, nowMs);
    else if (this.isSlowReader(session, nowMs)) {
      settings.stats.writeTimeout.inc();
      // Where bytes wait on the wire, nobody would read why.
      if (session.wire.pending > 0) session.destroy();
      else session.fail(new ConnectionFault(ErrorCode.EnhanceYourCalm, this.tooFew("a client")));
    } else if (this.isSlowFrame(session, nowMs)) {
      settings.stats.readTimeout.inc();
      const { headerTimeoutMs } = settings.limits;
      session.fail(new ConnectionFault(ErrorCode.EnhanceYourCalm, `a frame took longer than ${headerTimeoutMs} ms`));
    } else if (session.owesAck && nowMs - session.openedMs >= settings.limits.headerTimeoutMs) {
      settings.stats.readTimeout.inc();
      session.fail(new ConnectionFault(ErrorCode.SettingsTimeout, "the settings were not acknowledged"));
    } else if (this.isMute(session, nowMs)) {
      settings.stats.readTimeout.inc();
      session.destroy();
    } else {
      this.checkStreams(session, nowMs);
      this.checkAge(session, nowMs);
    }
  }

  private checkClosing(session: WatchedSession, nowMs: number): void {
    if (nowMs - this.phaseMs >= this.settings.limits.lingerMs && session.wire.pending === 0) session.destroy();
  }

  private checkAge(session: WatchedSession, nowMs: number): void {
    const { idleTimeMs, lifeTimeMs, stats } = this.settings;
    if (session.streams.size > 0 || session.requests !== this.requests) this.busyMs = nowMs;
    this.requests = session.requests;
    if (session.phase === SessionPhase.Draining) {
      if (nowMs - this.phaseMs >= drainMs) session.endDrain();
      return;
    }
    if (!session.isAwaited) this.awaitedMs = -1;
    else if (this.awaitedMs === -1) this.awaitedMs = nowMs;
    if (nowMs - this.busyMs >= idleTimeMs) {
      stats.idle.inc();
      session.drain();
    } else if (nowMs - session.openedMs >= lifeTimeMs) {
      stats.lifetime.inc();
      session.drain();
    } else if (this.awaitedMs !== -1 && nowMs - this.awaitedMs >= handOverMs) session.drain();
  }

  private isStalled(session: WatchedSession, nowMs: number): boolean {
    const { pending, sent } = session.wire;
    const flushed = sent - pending;
    if (pending === 0 || flushed !== this.flushed) {
      this.flushed = flushed;
      this.writeMs = nowMs;
      return false;
    }
    const { writeTimeoutMs } = this.settings;
    const limitMs = session.phase >= SessionPhase.Closing ? Math.min(writeTimeoutMs, closingStallMs) : writeTimeoutMs;
    return nowMs - this.writeMs >= limitMs;
  }

  /**
   * The connection as a whole takes too little, while something waits for it. Streams share what it takes: none is slow
   * by itself as long as its own window is open.
   */
  private isSlowReader({ wire, streams }: WatchedSession, nowMs: number): boolean {
    const { responseTimeoutMs, minResponseBytesPerSec } = this.settings.limits;
    if (minResponseBytesPerSec === 0 || (wire.pending === 0 && !someWait(streams))) {
      this.taken?.rest();
      return false;
    }
    this.taken ??= new RateWindow();
    return this.taken.isSlow(wire.sent - wire.pending, nowMs, responseTimeoutMs, minResponseBytesPerSec);
  }

  private tooFew(who: string): string {
    const { responseTimeoutMs, minResponseBytesPerSec } = this.settings.limits;
    return `${who} took less than ${minResponseBytesPerSec} bytes/s for ${responseTimeoutMs} ms`;
  }

  private isSlowFrame(session: WatchedSession, nowMs: number): boolean {
    if (!session.isWithinFrame || session.framesRead !== this.frames) {
      this.frames = session.framesRead;
      this.frameMs = nowMs;
      return false;
    }
    return nowMs - this.frameMs >= this.settings.limits.headerTimeoutMs;
  }

  /** It is waited for, and sends nothing. */
  private isMute(session: WatchedSession, nowMs: number): boolean {
    const { readTimeoutMs } = this.settings;
    if (readTimeoutMs === Number.POSITIVE_INFINITY) return false;
    const { received } = session.wire;
    if (received !== this.received || !isWaitedFor(session)) {
      this.received = received;
      this.readMs = nowMs;
    }
    return nowMs - this.readMs >= readTimeoutMs;
  }

  private checkStreams(session: WatchedSession, nowMs: number): void {
    const { streams } = session;
    let silent = 0;
    if (streams.size > 0) {
      for (const stream of streams.list()) {
        if (stream.remoteEnded && !stream.holds) {
          this.seen?.get(stream.id)?.taken?.rest();
          continue;
        }
        const seen = this.seenOf(stream, nowMs);
        if (stream.isSilent && seen.check < this.checks) silent++;
        this.checkStream(stream, seen, nowMs, silent);
      }
    }
    session.silentStreams = silent;
    this.forget(streams);
  }

  private checkStream(stream: ServerStream, seen: Seen, nowMs: number, silent: number): void {
    const { maxSilentStreams, bodyTimeoutMs, minBodyBytesPerSec, responseTimeoutMs } = this.settings.limits;
    const { input } = stream;
    if (stream.isSilent && silent > maxSilentStreams) {
      stream.giveUp(tooSlow(`more than ${maxSilentStreams} requests have begun and bring nothing`));
      return;
    }
    if (input?.length === undefined || !stream.awaitsContent || stream.answered) seen.arriving.rest();
    else if (seen.arriving.isSlow(input.received, nowMs, bodyTimeoutMs, minBodyBytesPerSec)) {
      this.settings.stats.readTimeout.inc();
      stream.answerStatus(tooSlow(`a body was slower than ${minBodyBytesPerSec} bytes/s for ${bodyTimeoutMs} ms`), 408);
      return;
    }
    if (!stream.holds || stream.sentBytes !== seen.sent) {
      seen.sent = stream.sentBytes;
      seen.sentMs = nowMs;
    } else if (nowMs - seen.sentMs >= responseTimeoutMs) {
      this.settings.stats.writeTimeout.inc();
      stream.giveUp(tooSlow(`a client took nothing of its response for ${responseTimeoutMs} ms`));
      return;
    }
    if (this.isSlowlyTaken(stream, seen, nowMs)) {
      this.settings.stats.writeTimeout.inc();
      stream.giveUp(tooSlow(this.tooFew("of its response a client")));
    }
  }

  /** Only while it is the window of the stream itself that holds it up. */
  private isSlowlyTaken(stream: ServerStream, seen: Seen, nowMs: number): boolean {
    const { responseTimeoutMs, minResponseBytesPerSec } = this.settings.limits;
    if (minResponseBytesPerSec === 0 || !stream.holds || stream.window > 0) {
      seen.taken?.rest();
      return false;
    }
    seen.taken ??= new RateWindow();
    return seen.taken.isSlow(stream.sentBytes, nowMs, responseTimeoutMs, minResponseBytesPerSec);
  }

  private seenOf(stream: ServerStream, nowMs: number): Seen {
    this.seen ??= new Map();
    let seen = this.seen.get(stream.id);
    if (seen === undefined) {
      seen = {
        check: this.checks,
        sent: stream.sentBytes,
        sentMs: nowMs,
        arriving: new RateWindow(),
        taken: undefined,
      };
      this.seen.set(stream.id, seen);
    }
    return seen;
  }

  private forget(streams: StreamTable<ServerStream>): void {
    if (this.seen === undefined) return;
    if (streams.size === 0) this.seen = undefined;
    else for (const id of this.seen.keys()) if (!streams.has(id)) this.seen.delete(id);
  }
}

/** Something waits that its stream may send: for the window of the connection, or for its turn. */
function someWait(streams: StreamTable<ServerStream>): boolean {
  for (const stream of streams.list()) if (stream.holds && stream.window > 0) return true;
  return false;
}

function isWaitedFor({ streams }: WatchedSession): boolean {
  for (const stream of streams.list()) if (stream.awaitsContent) return true;
  return streams.size === 0;
}

function tooSlow(message: string): StreamError {
  return new StreamError(ErrorCode.EnhanceYourCalm, message, { remote: false });
}
