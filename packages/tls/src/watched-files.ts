import { type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";
import type { Clock, Timer } from "@weftmesh/core";
import type { NamedFile } from "./file-source.ts";

const pollMs = 1_000;
/** Replacing a pair of files takes a few system calls. */
const settleMs = 50;

/**
 * Asks for a look at some files: every second, and soon after the system tells of a change in one of their folders.
 *
 * Shape: what the system tells is a help and no more. It says nothing on some file systems, and may refuse to; a look
 * every second needs nobody's help. The folders are watched and not the files, which are often replaced by renaming,
 * and are symbolic links where Kubernetes mounts them.
 */
export class WatchedFiles {
  readonly #clock: Clock;
  readonly #look: () => void;
  readonly #watchers: readonly FSWatcher[];
  #poll: Timer;
  #soon: Timer | undefined = undefined;

  constructor(files: readonly NamedFile[], clock: Clock, look: () => void) {
    this.#clock = clock;
    this.#look = look;
    const folders = new Set(files.map(({ path }) => dirname(path)));
    this.#watchers = [...folders].flatMap((folder) => this.#watch(folder));
    this.#poll = clock.after(pollMs, this.#onPoll);
  }

  close(): void {
    this.#poll.cancel();
    this.#soon?.cancel();
    for (const watcher of this.#watchers) watcher.close();
  }

  readonly #onPoll = (): void => {
    this.#poll = this.#clock.after(pollMs, this.#onPoll);
    this.#look();
  };

  readonly #onSoon = (): void => {
    this.#soon = undefined;
    this.#look();
  };

  #watch(folder: string): readonly FSWatcher[] {
    try {
      const watcher = watch(folder, { persistent: false }, () => {
        this.#soon ??= this.#clock.after(settleMs, this.#onSoon);
      });
      // A folder that goes away; the look every second sees to that too.
      watcher.on("error", () => watcher.close());
      return [watcher];
    } catch {
      // The system has no more watches to give.
      return [];
    }
  }
}
