import type { Counter, StatsReceiver } from "@weftmesh/telemetry";

/** The codes of RFC 9113 section 7, by their numbers. */
const names: readonly string[] = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];

/** A failure that is the reset of a stream of HTTP/2: by the peer, or by us. */
interface Reset {
  readonly http2Code: number;
  readonly remote: boolean;
}

function isReset(error: Error): error is Error & Reset {
  return "http2Code" in error && "remote" in error;
}

/** Counts the streams that were reset, by which side and with which code: `remote/reset`, `remote/reset/CANCEL`. */
export class ResetCounters {
  readonly #stats: StatsReceiver;
  readonly #sides = new Map<string, Counter>();

  /** `stats` is the scope `stream`. */
  constructor(stats: StatsReceiver) {
    this.#stats = stats;
    for (const side of ["local", "remote"]) this.#sides.set(side, stats.counter(side, "reset"));
  }

  /** Counts nothing for a failure that is no reset. */
  count(error: Error): void {
    if (isReset(error)) this.#count(error.remote ? "remote" : "local", names[error.http2Code] ?? "other");
  }

  /** The call was given up from above: its stream is cancelled by us, whoever is at the bottom of it. */
  cancelled(): void {
    this.#count("local", "CANCEL");
  }

  #count(side: string, name: string): void {
    this.#sides.get(side)?.inc();
    const key = `${side}/${name}`;
    let counter = this.#sides.get(key);
    if (counter === undefined) {
      counter = this.#stats.counter(side, "reset", name);
      this.#sides.set(key, counter);
    }
    counter.inc();
  }
}
