import type { Clock, Ctx, Outcome } from "@weftmesh/core";
import type { HttpResponse } from "@weftmesh/http";
import type { Counter, Stat, StatsReceiver } from "@weftmesh/telemetry";
import { RequestStats } from "./request-stats.ts";
import { RequestStreamKey } from "./request-stream.ts";
import { ResetCounters } from "./reset-counters.ts";
import { elapsedMs } from "./ticks.ts";

/** How the streams of one kind ended, how long they took and what they carried. */
class StreamFigures {
  readonly #dataBytes: Stat;
  readonly #durationMs: Stat;
  readonly #success: Counter;
  readonly #failures: Counter;

  constructor(stats: StatsReceiver, duration: string) {
    this.#dataBytes = stats.stat("data_bytes");
    this.#durationMs = stats.stat(duration);
    this.#success = stats.counter("stream_success");
    this.#failures = stats.counter("stream_failures");
  }

  ended(isWhole: boolean, bytes: number, durationMs: number): void {
    this.#dataBytes.add(bytes);
    this.#durationMs.add(durationMs);
    if (isWhole) this.#success.inc();
    else this.#failures.inc();
  }
}

/**
 * The metrics of requests, and of the streams that they and their answers are: `request/stream/...`,
 * `response/stream/...`, both together in `stream/...`, and resets by side and code in `stream/remote/reset/CANCEL`.
 *
 * Shape: a stream succeeds when it comes to its end, whatever its answer says. Those of a caller who left are counted too.
 */
export class StreamRequestStats extends RequestStats {
  readonly #request: StreamFigures;
  readonly #response: StreamFigures;
  readonly #both: StreamFigures;
  readonly #resets: ResetCounters;
  readonly #removeOpen: () => void;

  constructor(stats: StatsReceiver, clock: Clock) {
    super(stats, clock);
    this.#request = new StreamFigures(stats.scope("request", "stream"), "stream_duration_ms");
    this.#response = new StreamFigures(stats.scope("response", "stream"), "stream_duration_ms");
    this.#both = new StreamFigures(stats.scope("stream"), "total_latency_ms");
    this.#resets = new ResetCounters(stats.scope("stream"));
    this.#removeOpen = stats.gauge(() => this.pending, "open_streams");
  }

  override ended(ctx: Ctx, outcome: Outcome, req: unknown, rep: unknown, latencyMs: number, startTicks: number): void {
    super.ended(ctx, outcome, req, rep, latencyMs, startTicks);
    const totalMs = elapsedMs(this.clock, startTicks);
    const sent = ctx.get(RequestStreamKey);
    const sentBytes = sent?.bytes ?? 0;
    const isSent = sent?.isWhole ?? true;
    this.#request.ended(isSent, sentBytes, sent === undefined ? 0 : (sent.durationMs ?? totalMs));
    const isAnswered = outcome.kind === "ok";
    const bytes = rep === undefined ? 0 : Math.max(0, (rep as HttpResponse).bodyBytes);
    if (rep !== undefined) this.#response.ended(isAnswered, bytes, Math.max(0, totalMs - latencyMs));
    if (outcome.kind === "failed") {
      // An attempt is cancelled by whoever made it; a call of a server by its client.
      if (ctx.cancelled === outcome.error && ctx.root !== ctx) this.#resets.cancelled();
      else this.#resets.count(outcome.error);
    }
    this.#both.ended(isAnswered && isSent, sentBytes + bytes, totalMs);
  }

  override close(): void {
    super.close();
    this.#removeOpen();
  }
}
