import type { Clock, Timer } from "@weftmesh/core";
import type { FileSystem } from "./file-system.ts";

/** Something in a directory that looks again when it is poked. */
export interface Pokable {
  poke(): void;
}

/** The last thing that the system said of a directory. */
export interface LastEvent {
  readonly kind: string;
  readonly name: string | undefined;
  readonly atEpochMs: number;
}

/** How often a directory is looked at when nothing is heard of it, and when nothing can be heard, in ms. */
const pollMs = 5000;
const pollUnwatchedMs = 1000;
/** An event may concern others than the file that it names, through links: all look again, but not per event. */
const sweepMs = 200;

/**
 * Hears of changes in one directory, for everybody who has to do with something in it.
 *
 * Shape: events of the system come first; a poll catches what they do not tell: changes behind links, file systems
 * without events, and the directory itself being replaced, in which case the new one is watched.
 */
export class DirectoryWatch {
  readonly path: string;
  readonly #fs: FileSystem;
  readonly #clock: Clock;
  readonly #inside: Map<string, Pokable> = new Map();
  readonly #whole: Set<Pokable> = new Set();
  /** Which directory is watched, by its signature. */
  #watched: string | undefined;
  #unwatch: (() => void) | undefined;
  #poll: Timer | undefined;
  #sweep: Timer | undefined;
  #lastEvent: LastEvent | undefined;
  #open = true;

  constructor(path: string, fs: FileSystem, clock: Clock) {
    this.path = path;
    this.#fs = fs;
    this.#clock = clock;
    this.#look();
  }

  get lastEvent(): LastEvent | undefined {
    return this.#lastEvent;
  }

  get watching(): boolean {
    return this.#unwatch !== undefined;
  }

  /** Pokes `who` when the file of that name may have changed, or when anything has, without a name. */
  join(name: string | undefined, who: Pokable): void {
    if (name === undefined) this.#whole.add(who);
    else this.#inside.set(name, who);
  }

  /** True when nobody is left. */
  leave(name: string | undefined, who: Pokable): boolean {
    if (name === undefined) this.#whole.delete(who);
    else this.#inside.delete(name);
    return this.#inside.size === 0 && this.#whole.size === 0;
  }

  close(): void {
    this.#open = false;
    this.#stopWatching();
    this.#poll?.cancel();
    this.#sweep?.cancel();
  }

  #stopWatching(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#watched = undefined;
  }

  /** Sees that the directory that stands at the path now is the one that is watched. */
  #look(): void {
    this.#fs.stat(this.path).then(
      (seen) => this.#found(seen.kind === "directory" ? seen.signature : undefined),
      () => this.#found(undefined),
    );
  }

  #found(signature: string | undefined): void {
    if (!this.#open) return;
    if (signature !== this.#watched || signature === undefined) {
      this.#stopWatching();
      if (signature !== undefined) this.#watch(signature);
      this.#pokeAll();
    }
    this.#poll?.cancel();
    this.#poll = this.#clock.after(this.watching ? pollMs : pollUnwatchedMs, () => {
      this.#look();
      this.#pokeAll();
    });
  }

  /** A directory that cannot be watched is polled more often instead: there are limits to how many may be. */
  #watch(signature: string): void {
    try {
      this.#unwatch = this.#fs.watch(
        this.path,
        (kind, name) => this.#heard(kind, name),
        () => this.#stopWatching(),
      );
      this.#watched = signature;
    } catch {
      this.#watched = undefined;
    }
  }

  #heard(kind: string, name: string | undefined): void {
    if (!this.#open) return;
    this.#lastEvent = { kind, name, atEpochMs: this.#clock.epochMs() };
    if (name !== undefined) this.#inside.get(name)?.poke();
    this.#sweep ??= this.#clock.after(sweepMs, () => {
      this.#sweep = undefined;
      this.#look();
      this.#pokeAll();
    });
  }

  #pokeAll(): void {
    for (const each of [...this.#inside.values()]) each.poke();
    for (const each of [...this.#whole]) each.poke();
  }
}
