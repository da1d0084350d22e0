import { type Clock, Var } from "@weftmesh/core";
import { DirectoryWatch, type Pokable } from "./directory-watch.ts";
import type { FileSystem } from "./file-system.ts";
import { FileWatch } from "./file-watch.ts";

interface Shared<T> {
  readonly value: T;
  users: number;
}

/** What is followed below a root, each path and each directory once, and only while somebody observes it. */
export class FileTree {
  readonly root: string;
  readonly #fs: FileSystem;
  readonly #clock: Clock;
  readonly #files: Map<string, Shared<FileWatch>> = new Map();
  readonly #directories: Map<string, DirectoryWatch> = new Map();

  constructor(root: string, fs: FileSystem, clock: Clock) {
    this.root = root;
    this.#fs = fs;
    this.#clock = clock;
  }

  /** A var of the file's watch that follows the file while the var is observed. */
  follow<T>(directory: string, name: string, initial: T, choose: (watch: FileWatch) => Var<T>): Var<T> {
    return Var.async<T>(initial, (update) => {
      const watch = this.#acquire(directory, name);
      const subscription = choose(watch).changes.subscribe((value) => update(value));
      return () => {
        subscription.unsubscribe();
        this.#release(directory, name);
      };
    });
  }

  /** The names in a directory, or the error that kept them from being read; `undefined` until they are there. */
  list(directory: string): Var<readonly string[] | Error | undefined> {
    return Var.async<readonly string[] | Error | undefined>(undefined, (update) => {
      let open = true;
      const who: Pokable = {
        poke: () => {
          this.#fs.list(directory).then(
            (names) => {
              if (open) update(names);
            },
            (error: Error) => {
              if (open) update(error);
            },
          );
        },
      };
      this.#directory(directory).join(undefined, who);
      who.poke();
      return () => {
        open = false;
        this.#leave(directory, undefined, who);
      };
    });
  }

  /** Directories that are watched now. */
  get directories(): ReadonlyMap<string, DirectoryWatch> {
    return this.#directories;
  }

  /** Paths that are followed now. */
  *files(): Iterable<FileWatch> {
    for (const { value } of this.#files.values()) yield value;
  }

  #acquire(directory: string, name: string): FileWatch {
    const path = childPath(directory, name);
    let shared = this.#files.get(path);
    if (shared === undefined) {
      shared = { value: new FileWatch(path, this.#fs, this.#clock), users: 0 };
      this.#files.set(path, shared);
      this.#directory(directory).join(name, shared.value);
    }
    shared.users++;
    return shared.value;
  }

  #release(directory: string, name: string): void {
    const path = childPath(directory, name);
    const shared = this.#files.get(path);
    if (shared === undefined || --shared.users > 0) return;
    this.#files.delete(path);
    shared.value.close();
    this.#leave(directory, name, shared.value);
  }

  #directory(path: string): DirectoryWatch {
    let watch = this.#directories.get(path);
    if (watch === undefined) {
      watch = new DirectoryWatch(path, this.#fs, this.#clock);
      this.#directories.set(path, watch);
    }
    return watch;
  }

  #leave(path: string, name: string | undefined, who: Pokable): void {
    const watch = this.#directories.get(path);
    if (watch?.leave(name, who) !== true) return;
    this.#directories.delete(path);
    watch.close();
  }
}

/** Where an entry of a directory stands. */
export function childPath(directory: string, name: string): string {
  return directory.endsWith("/") ? `${directory}${name}` : `${directory}/${name}`;
}
