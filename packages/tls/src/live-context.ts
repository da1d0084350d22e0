import type { SecureContext } from "node:tls";
import { asError, type Clock } from "@weftmesh/core";
import type { StatsReceiver } from "@weftmesh/telemetry";
import type { MadeContext } from "./context-files.ts";
import { TlsFileError } from "./errors.ts";
import { type FileTexts, fingerprint, type NamedFile, readFiles, readFilesNow, sameTexts } from "./file-source.ts";
import { WatchedFiles } from "./watched-files.ts";

/** Where a context is told of what happens to it. */
export interface TlsLog {
  info(message: string): void;
  warning(message: string): void;
  error(message: string): void;
}

export interface LiveContextOptions {
  /** How messages call it: `server 0.0.0.0:4140`. */
  readonly name: string;
  readonly files: readonly NamedFile[];
  readonly make: (texts: FileTexts) => MadeContext;
  /** Things to know of the files that are no errors. */
  readonly warnings: () => readonly string[];
  readonly clock: Clock;
  /** Counts `reloads` and `reload_failures` there. */
  readonly stats: StatsReceiver;
  readonly log: TlsLog;
}

const dayMs = 86_400_000;
const soonMs = 7 * dayMs;

/**
 * What new handshakes are made with: read from files when it is made, and again whenever they have changed.
 *
 * Shape: `current` is a field that a handshake reads. Files that are no whole and fitting set, as when they are being
 * written, change nothing but a counter and a line of the log; the next look sees the rest of them. Nor does a
 * certificate that is not valid now take the place of one that is. A new context brings new keys for session tickets,
 * so that no session outlives the certificates and roots under which it was allowed.
 * Errors: the constructor throws TlsFileError, which names the key and the file, and TlsSettingError.
 */
export class LiveContext {
  readonly #options: LiveContextOptions;
  readonly #reloads: { inc(): void };
  readonly #failures: { inc(): void };
  #made: MadeContext;
  #texts: FileTexts;
  #refused: FileTexts | undefined = undefined;
  #said = "";
  #seen = "";
  #watched: WatchedFiles | undefined = undefined;
  #looking = false;
  #isStale = false;
  #closed = false;

  constructor(options: LiveContextOptions) {
    this.#options = options;
    this.#texts = readFilesNow(options.files);
    this.#made = options.make(this.#texts);
    this.#reloads = options.stats.counter("reloads");
    this.#failures = options.stats.counter("reload_failures");
  }

  get current(): SecureContext {
    return this.#made.secureContext;
  }

  /** Seconds until the first of our certificates expires, below zero after that; undefined where we show none. */
  get expiresInSeconds(): number | undefined {
    const { validity } = this.#made;
    return validity === undefined ? undefined : Math.floor((validity.toMs - this.#options.clock.epochMs()) / 1000);
  }

  /** Looks after the files from now on, and says what there is to say of them. */
  watch(): void {
    if (this.#watched !== undefined || this.#closed) return;
    const { files, clock } = this.#options;
    this.#warn();
    if (files.length > 0) this.#watched = new WatchedFiles(files, clock, () => void this.look());
  }

  close(): void {
    this.#closed = true;
    this.#watched?.close();
  }

  /** Reads the files again if they have changed. Never fails. */
  async look(): Promise<void> {
    if (this.#looking) {
      this.#isStale = true;
      return;
    }
    this.#looking = true;
    try {
      do {
        this.#isStale = false;
        await this.#lookOnce();
      } while (this.#isStale && !this.#closed);
    } finally {
      this.#looking = false;
    }
  }

  async #lookOnce(): Promise<void> {
    const { files, clock } = this.#options;
    const { text, isFresh } = await fingerprint(files, clock.epochMs());
    if (text === this.#seen && !isFresh) return;
    let texts: FileTexts;
    try {
      texts = await readFiles(files);
    } catch (error) {
      // A file that is away for a moment is as good as one that is half there; it counts once.
      if (text !== this.#seen) this.#refuse(asError(error));
      this.#seen = text;
      return;
    }
    this.#seen = text;
    if (this.#closed || sameTexts(texts, this.#refused)) return;
    if (sameTexts(texts, this.#texts)) {
      this.#refused = undefined;
      return;
    }
    try {
      this.#take(texts);
    } catch (error) {
      this.#refused = texts;
      this.#refuse(asError(error));
    }
  }

  #take(texts: FileTexts): void {
    const { make, clock, log, name } = this.#options;
    const made = make(texts);
    const nowMs = clock.epochMs();
    if (isValid(this.#made, nowMs) && !isValid(made, nowMs)) {
      const file = this.#options.files[0];
      throw new TlsFileError(
        file?.key ?? "",
        file?.path ?? "",
        "is not valid now, and the certificate in use still is",
      );
    }
    this.#made = made;
    this.#texts = texts;
    this.#refused = undefined;
    this.#said = "";
    this.#reloads.inc();
    log.info(
      `TLS of ${name}: read again${made.subject === undefined ? "" : `; the certificate is for ${made.subject}`}`,
    );
    this.#warn();
  }

  #refuse(error: Error): void {
    this.#failures.inc();
    if (error.message === this.#said) return;
    this.#said = error.message;
    this.#options.log.error(`TLS of ${this.#options.name}: what is in use stays: ${error.message}`);
  }

  #warn(): void {
    const { log, name, warnings, clock } = this.#options;
    for (const warning of warnings()) log.warning(`TLS of ${name}: ${warning}`);
    const { validity, subject } = this.#made;
    if (validity === undefined) return;
    const leftMs = validity.toMs - clock.epochMs();
    const days = Math.floor(Math.abs(leftMs) / dayMs);
    if (leftMs <= 0) log.error(`TLS of ${name}: the certificate for ${subject} expired ${days} days ago`);
    else if (clock.epochMs() < validity.fromMs)
      log.error(`TLS of ${name}: the certificate for ${subject} is not valid yet`);
    else if (leftMs < soonMs) log.warning(`TLS of ${name}: the certificate for ${subject} expires in ${days} days`);
  }
}

function isValid({ validity }: MadeContext, nowMs: number): boolean {
  return validity === undefined || (validity.fromMs <= nowMs && nowMs < validity.toMs);
}
