import { asError, type Clock, type Timer, Var, type VarSource } from "@weftmesh/core";
import { type Addr, boundAddr, negAddr, pendingAddr } from "@weftmesh/naming";
import { readAddressFile } from "./address-file.ts";
import type { Pokable } from "./directory-watch.ts";
import { AddressFileReadError } from "./errors.ts";
import type { FileSystem, Seen } from "./file-system.ts";

/** What stands at a path. An unreadable place is `failed`; a file that cannot be read or parsed is a `file`. */
export type Place =
  | { readonly kind: "pending" | "missing" | "directory" | "file" }
  | { readonly kind: "failed"; readonly error: Error };

/** A larger file is no list of addresses. */
export const maxFileBytes: number = 500 * 1024;
/** For this long a file must have stayed as it is, in ms, before it is believed. */
const settleMs = 100;
/** The same for one that has nothing in it: whoever truncates a file means to write it again, as a rule. */
const settleEmptyMs = 500;

const pendingPlace: Place = { kind: "pending" };
const missingPlace: Place = { kind: "missing" };
const directoryPlace: Place = { kind: "directory" };
const filePlace: Place = { kind: "file" };

/**
 * Follows one path: what stands there, and the addresses in it when it is a file.
 *
 * Shape: a change is believed once nothing has changed for a while, so that neither a half-written file nor one that is
 * being replaced shows. The file is open only while it is read.
 */
export class FileWatch implements Pokable {
  readonly path: string;
  readonly place: VarSource<Place> = Var.source<Place>(pendingPlace);
  readonly addr: VarSource<Addr> = Var.source<Addr>(pendingAddr);
  readonly #fs: FileSystem;
  readonly #clock: Clock;
  /** What the addresses were read from. */
  #read: string | undefined;
  /** What was seen last and is not believed yet, and since when. */
  #candidate: string | undefined;
  #since = 0;
  #timer: Timer | undefined;
  #looking = false;
  #again = false;
  #open = true;

  constructor(path: string, fs: FileSystem, clock: Clock) {
    this.path = path;
    this.#fs = fs;
    this.#clock = clock;
    this.poke();
  }

  /** Looks again, now or after the look that is under way. */
  poke(): void {
    this.#again = true;
    if (!this.#looking) void this.#lookUntilQuiet();
  }

  close(): void {
    this.#open = false;
    this.#timer?.cancel();
  }

  async #lookUntilQuiet(): Promise<void> {
    this.#looking = true;
    while (this.#again && this.#open) {
      this.#again = false;
      try {
        await this.#look();
      } catch (thrown) {
        this.#unreadable(thrown);
      }
    }
    this.#looking = false;
  }

  async #look(): Promise<void> {
    const seen = await this.#fs.stat(this.path);
    if (!this.#open) return;
    if (seen.kind === "directory") this.#believe(directoryPlace, negAddr);
    else if (seen.kind === "other") this.#wait("other", () => this.#fail("is neither a file nor a directory"));
    else await this.#lookAtFile(seen);
  }

  async #lookAtFile(seen: Seen): Promise<void> {
    if (this.place.value.kind !== "file") {
      // That there is a file is plain at once; what is in it is not.
      this.addr.set(pendingAddr);
      this.place.set(filePlace);
    }
    if (seen.signature === this.#read) {
      this.#candidate = undefined;
      return;
    }
    const waitMs = seen.size === 0 ? settleEmptyMs : settleMs;
    if (!this.#isOld(seen, waitMs) && !this.#hasSettled(seen.signature, waitMs)) return;
    await this.#readFile(seen);
  }

  /** The first look may trust the file's own time: one that was written long ago is whole. */
  #isOld(seen: Seen, waitMs: number): boolean {
    return this.#read === undefined && this.#candidate === undefined && this.#clock.epochMs() - seen.mtimeMs >= waitMs;
  }

  async #readFile(seen: Seen): Promise<void> {
    if (seen.size > maxFileBytes) {
      this.#publish(seen, this.#failedAddr(`is larger than ${maxFileBytes} bytes`));
      return;
    }
    let content: { readonly bytes: Buffer; readonly seen: Seen };
    try {
      content = await this.#fs.read(this.path, maxFileBytes);
    } catch (thrown) {
      this.#notRead(thrown);
      return;
    }
    if (!this.#open) return;
    const { bytes, seen: after } = content;
    if (after.signature !== seen.signature) {
      // It changed under our eyes.
      this.#hasSettled(after.signature, settleMs);
      return;
    }
    this.#publish(seen, this.#parse(bytes));
  }

  /** There is a file; it is tried again with the next poll. One that has gone meanwhile is looked for soon. */
  #notRead(thrown: unknown): void {
    if (!this.#open) return;
    this.#read = undefined;
    this.#candidate = undefined;
    const code = codeOf(thrown);
    if (isAbsence(code)) this.#hasSettled(code, settleMs);
    else this.addr.set(this.#failedAddr(asError(thrown).message, thrown));
  }

  #parse(bytes: Buffer): Addr {
    try {
      return boundAddr(readAddressFile(bytes.toString("utf8"), this.path));
    } catch (thrown) {
      return { kind: "failed", error: asError(thrown) };
    }
  }

  #publish(seen: Seen, addr: Addr): void {
    this.#read = seen.signature;
    this.#candidate = undefined;
    this.addr.set(addr);
  }

  /** True when the same thing has been seen for so long; sees to another look otherwise. */
  #hasSettled(candidate: string, waitMs: number): boolean {
    const now = this.#clock.now();
    if (candidate !== this.#candidate) {
      this.#candidate = candidate;
      this.#since = now;
    }
    const leftMs = this.#since + waitMs - now;
    if (leftMs <= 0) return true;
    this.#timer?.cancel();
    this.#timer = this.#clock.after(leftMs, () => this.poke());
    return false;
  }

  /** What takes something away must last; where there was nothing it counts at once. */
  #wait(candidate: string, then: () => void): void {
    const { kind } = this.place.value;
    const harmless = kind !== "file" && kind !== "directory";
    if (harmless || this.#hasSettled(candidate, settleMs)) {
      this.#candidate = undefined;
      then();
    }
  }

  #unreadable(thrown: unknown): void {
    if (!this.#open) return;
    const code = codeOf(thrown);
    if (isAbsence(code)) this.#wait(code, () => this.#believe(missingPlace, negAddr));
    else this.#wait(code, () => this.#fail(asError(thrown).message, thrown));
  }

  #fail(problem: string, cause?: unknown): void {
    const error = new AddressFileReadError(this.path, problem, cause);
    this.#believe({ kind: "failed", error }, { kind: "failed", error });
  }

  #failedAddr(problem: string, cause?: unknown): Addr {
    return { kind: "failed", error: new AddressFileReadError(this.path, problem, cause) };
  }

  #believe(place: Place, addr: Addr): void {
    this.#read = undefined;
    this.#candidate = undefined;
    if (isSame(this.place.value, place)) return;
    this.place.set(place);
    this.addr.set(addr);
  }
}

function isSame(a: Place, b: Place): boolean {
  if (a.kind === "failed" && b.kind === "failed") return a.error.message === b.error.message;
  return a.kind === b.kind;
}

function isAbsence(code: string): boolean {
  return code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG";
}

function codeOf(thrown: unknown): string {
  const code: unknown = typeof thrown === "object" && thrown !== null ? Reflect.get(thrown, "code") : undefined;
  return typeof code === "string" ? code : "unknown";
}
