import type { Clock, Timer } from "@weftmesh/core";
import { nullStats, type StatsReceiver } from "@weftmesh/telemetry";
import { type Disk, type LogHandle, systemDisk } from "./disk.ts";
import { AccessLogError } from "./errors.ts";
import { nextRollMs, type RollPolicy, rolledName } from "./roll-policy.ts";
import { freeName, removeOldest } from "./rolled-files.ts";

export interface LogFileOptions {
  readonly path: string;
  readonly clock: Clock;
  /** `never` if not given. */
  readonly policy?: RollPolicy;
  /** Go on with a file that is there; true if not given. */
  readonly append?: boolean;
  /** Files kept beside the present one; -1, which is what counts if not given, keeps all. */
  readonly rotateCount?: number;
  /** Lines that wait for the disk take this many bytes at most: 1 MiB if not given. What is more is dropped. */
  readonly maxWaitingBytes?: number;
  /** Lines are written together that come within so many ms: 100 if not given. */
  readonly flushMs?: number;
  /** Where the counters go. */
  readonly stats?: StatsReceiver;
  /** Told of what goes wrong, once a minute at most. */
  readonly onProblem?: (message: string) => void;
  readonly disk?: Disk;
}

const never: RollPolicy = { kind: "never" };
/** Bytes per write at most, so that rolling and closing never wait for long. */
const writeBytes = 65_536;
/** How long a disk that refused is left alone. */
const pauseMs = 1000;
/** How often it is looked whether the file still has its name. */
const lookMs = 1000;
const complainMs = 60_000;
/** How long the disk is given at the end. */
const patienceMs = 2000;

/**
 * A file of lines that is written behind the back of whoever writes a line.
 *
 * Shape: `write` only puts the line into a queue with a bound; one loop takes lines from it, one write at a time, and no
 * line is in two files. What the disk refuses is tried again a second later, from the byte where it stopped, as long as the
 * queue has room for what comes meanwhile. A file that was renamed or removed by others is left to them and a new one
 * begun.
 * Errors: `open` rejects with `WEFT_ACCESS_LOG`; after that nothing does: what goes wrong is counted and told.
 * Cost: `write` is an append to an array; lines and batches become bytes off the path of requests.
 */
export class LogFile {
  readonly path: string;
  readonly #options: LogFileOptions;
  readonly #clock: Clock;
  readonly #disk: Disk;
  readonly #policy: RollPolicy;
  readonly #maxWaitingBytes: number;
  readonly #count: {
    readonly [K in "lines" | "dropped" | "errors" | "rolls"]: { inc(delta?: number): void };
  };
  #handle: LogHandle | undefined;
  /** Bytes in the present file, as far as we know. */
  #bytes = 0;
  #openedMs = 0;
  #rollAtMs = Number.POSITIVE_INFINITY;
  #lookedMs = 0;
  #queue: string[] = [];
  /** Bytes of lines that were taken and are not on the disk. */
  #waiting = 0;
  /** What the loop has taken from the queue and not got rid of. */
  #batch: string[] = [];
  #taken = 0;
  /** Bytes of the next line that the disk has taken, and the file in which they are. */
  #partial = 0;
  #partialIn = "";
  #running: Promise<void> | undefined;
  #timer: Timer | undefined;
  #reopenWanted = false;
  #complainedMs = Number.NEGATIVE_INFINITY;
  #closing = false;
  #closed: Promise<void> | undefined;

  constructor(options: LogFileOptions) {
    const { path, clock, disk = systemDisk, policy = never, maxWaitingBytes = 1_048_576 } = options;
    this.path = path;
    this.#options = options;
    this.#clock = clock;
    this.#disk = disk;
    this.#policy = policy;
    this.#maxWaitingBytes = maxWaitingBytes;
    const stats = options.stats ?? nullStats;
    this.#count = {
      lines: stats.counter("lines"),
      dropped: stats.counter("dropped"),
      errors: stats.counter("errors"),
      rolls: stats.counter("rolls"),
    };
  }

  /** Bytes that wait for the disk. */
  get waitingBytes(): number {
    return this.#waiting;
  }

  /** Opens the file, so that a mistake of the config shows at the start. */
  async open(): Promise<void> {
    if (this.#handle !== undefined) return;
    try {
      await this.#open(this.#options.append === false);
    } catch (error) {
      throw new AccessLogError(this.path, error);
    }
  }

  /** Takes a line of printable ASCII, without its end. Never waits and never throws; false when there is no room. */
  write(line: string): boolean {
    const bytes = line.length + 1;
    if (this.#closing || this.#waiting + bytes > this.#maxWaitingBytes) {
      this.#count.dropped.inc();
      return false;
    }
    this.#waiting += bytes;
    this.#queue.push(line);
    if (this.#timer === undefined && this.#running === undefined) this.#wake(this.#options.flushMs ?? 100);
    return true;
  }

  /** Leaves the present file and opens one of the same path, as after a rotation by others. */
  reopen(): void {
    this.#reopenWanted = true;
    if (this.#running === undefined) this.#wake(0);
  }

  /** Resolves when all that was written before is on the disk, or the disk has refused it. */
  async flush(): Promise<void> {
    await this.#running;
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#run();
  }

  /** Writes what waits, as far as the disk takes it at once, and closes. A line that comes later is dropped. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing = true;
    await Promise.race([this.flush(), this.#afterPatience()]);
    this.#timer?.cancel();
    this.#timer = undefined;
    const left = this.#batch.length - this.#taken + this.#queue.length;
    if (left > 0) this.#count.dropped.inc(left);
    this.#forgetAll();
    await this.#closeHandle();
  }

  /** A disk that hangs must not keep the process from ending. */
  #afterPatience(): Promise<void> {
    return new Promise((resolve) => void this.#clock.after(patienceMs, resolve));
  }

  #forgetAll(): void {
    this.#queue = [];
    this.#batch = [];
    this.#taken = 0;
    this.#partial = 0;
    this.#waiting = 0;
  }

  #wake(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(ms, () => {
      this.#timer = undefined;
      void this.#run();
    });
  }

  /** One run of the loop at a time; it ends when nothing waits, or when the disk refuses. */
  #run(): Promise<void> {
    this.#running ??= this.#drain().then(
      () => this.#ran(undefined),
      (error: unknown) => this.#ran(error),
    );
    return this.#running;
  }

  #ran(error: unknown): void {
    this.#running = undefined;
    if (error !== undefined) this.#complain(error);
    if (this.#closing) return;
    if (error !== undefined) this.#wake(pauseMs);
    else if (this.#waiting > 0 || this.#reopenWanted) this.#wake(this.#options.flushMs ?? 100);
  }

  async #drain(): Promise<void> {
    await this.#settleFile();
    while (this.#waiting > 0) {
      if (this.#taken === this.#batch.length) {
        this.#batch = this.#queue;
        this.#taken = 0;
        this.#queue = [];
      }
      await this.#rollIfDue();
      await this.#writeSome();
      await this.#settleFile();
    }
  }

  /** Sees to it that there is an open file, and that it is the one that has the name. */
  async #settleFile(): Promise<void> {
    const nowMs = this.#clock.now();
    if (this.#handle !== undefined && !this.#reopenWanted && nowMs - this.#lookedMs >= lookMs) {
      this.#lookedMs = nowMs;
      if (this.#handle.isRegular) this.#reopenWanted = !(await this.#isOurs());
    }
    if (this.#handle !== undefined && !this.#reopenWanted) return;
    this.#reopenWanted = false;
    await this.#closeHandle();
    await this.#open(false);
  }

  async #isOurs(): Promise<boolean> {
    return (await this.#disk.idOf(this.path)) === this.#handle?.id;
  }

  async #open(truncate: boolean): Promise<void> {
    const handle = await this.#disk.open(this.path, truncate);
    const nowMs = this.#clock.epochMs();
    this.#handle = handle;
    this.#bytes = handle.bytes;
    this.#lookedMs = this.#clock.now();
    // A file from before the start belongs to its own time, and is rolled if that is over.
    this.#begin(handle.bytes > 0 ? Math.min(handle.modifiedMs, nowMs) : nowMs);
    // The beginning of a line that is in another file stays there alone.
    if (handle.id !== this.#partialIn) this.#partial = 0;
  }

  /** The present file is of this time. */
  #begin(openedMs: number): void {
    this.#openedMs = openedMs;
    const isRegular = this.#handle?.isRegular === true;
    this.#rollAtMs = isRegular ? nextRollMs(this.#policy, openedMs) : Number.POSITIVE_INFINITY;
  }

  async #closeHandle(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    try {
      await handle?.close();
    } catch (error) {
      // What was written is written; there is nothing to be tried again.
      this.#complain(error);
    }
  }

  async #rollIfDue(): Promise<void> {
    if (this.#partial > 0) return;
    const handle = this.#handle as LogHandle;
    const isOver = this.#clock.epochMs() >= this.#rollAtMs;
    const isFull = handle.isRegular && this.#bytes > 0 && this.#bytes + this.#nextBytes() > this.#maxFileBytes;
    if (!isOver && !isFull) return;
    if (this.#bytes === 0) {
      this.#begin(this.#clock.epochMs());
      return;
    }
    // Another process may have rolled it: then what has the name now is not ours to rename.
    if (await this.#isOurs()) await this.#roll();
    await this.#closeHandle();
    await this.#open(false);
  }

  async #roll(): Promise<void> {
    const name = await freeName(this.#disk, this.path, rolledName(this.path, this.#policy, this.#openedMs));
    await this.#disk.rename(this.path, name);
    this.#count.rolls.inc();
    const keep = this.#options.rotateCount ?? -1;
    if (keep < 0) return;
    try {
      await removeOldest(this.#disk, this.path, keep);
    } catch (error) {
      // Old files too many are no reason to lose new lines.
      this.#complain(error);
    }
  }

  get #maxFileBytes(): number {
    return this.#policy.kind === "size" ? this.#policy.bytes : Number.POSITIVE_INFINITY;
  }

  #nextBytes(): number {
    return (this.#batch[this.#taken] as string).length + 1;
  }

  /** One write, of as many lines as fit into it and into the file. */
  async #writeSome(): Promise<void> {
    let text = "";
    const room = Math.min(writeBytes, Math.max(this.#maxFileBytes - this.#bytes, 0));
    for (let i = this.#taken; i < this.#batch.length; i++) {
      const line = this.#batch[i] as string;
      if (i > this.#taken && text.length + line.length >= room) break;
      text += `${line}\n`;
    }
    await this.#writeAll(Buffer.from(text, "latin1").subarray(this.#partial));
  }

  async #writeAll(bytes: Buffer): Promise<void> {
    const handle = this.#handle as LogHandle;
    for (let written = 0; written < bytes.length; ) {
      const taken = await handle.write(written === 0 ? bytes : bytes.subarray(written));
      if (taken <= 0) throw new Error("the disk takes no bytes");
      written += taken;
      this.#wrote(taken, handle.id);
    }
  }

  /** Lines that are on the disk are over, whatever becomes of the rest. */
  #wrote(bytes: number, file: string): void {
    this.#bytes += bytes;
    this.#partial += bytes;
    this.#partialIn = file;
    while (this.#taken < this.#batch.length && this.#partial >= this.#nextBytes()) {
      const line = this.#nextBytes();
      this.#partial -= line;
      this.#waiting -= line;
      this.#taken++;
      this.#count.lines.inc();
    }
  }

  #complain(error: unknown): void {
    this.#count.errors.inc();
    const nowMs = this.#clock.now();
    if (nowMs - this.#complainedMs < complainMs) return;
    this.#complainedMs = nowMs;
    const why = error instanceof Error ? error.message : String(error);
    this.#options.onProblem?.(`access log ${this.path}: ${why}`);
  }
}
