import { dirname } from "node:path";
import type { ManualClock } from "@weftmesh/testkit";
import type { DirectoryEvent, FileSystem, Seen } from "../src/index.ts";

type Entry =
  | { readonly kind: "file"; content: string; ino: number; mtimeMs: number; change: number }
  | { readonly kind: "directory"; ino: number }
  | { readonly kind: "link"; readonly target: string };

class FsError extends Error {
  readonly code: string;

  constructor(code: string, path: string) {
    super(`${code}: ${path}`);
    this.code = code;
  }
}

/** A tree of files in memory, with links, events, and times from a manual clock. */
export class FakeFileSystem implements FileSystem {
  readonly #clock: ManualClock;
  readonly #entries = new Map<string, Entry>();
  readonly #watchers = new Map<number, Set<DirectoryEvent>>();
  #ino = 1;
  #change = 0;
  /** Whether changes make events; polls see them either way. */
  events = true;
  /** Makes `watch` fail, as it does when the system has no more to give. */
  refuseWatches = false;
  /** Errors to throw from `read`, by path. */
  readonly unreadable = new Map<string, string>();
  reads = 0;
  openFiles = 0;

  constructor(clock: ManualClock) {
    this.#clock = clock;
    this.mkdir("/");
  }

  get watches(): number {
    let count = 0;
    for (const each of this.#watchers.values()) count += each.size;
    return count;
  }

  isDirectory(path: string): boolean {
    return this.#entries.get(path)?.kind === "directory";
  }

  mkdir(path: string): void {
    this.#entries.set(path, { kind: "directory", ino: this.#ino++ });
    this.#tell("rename", path);
  }

  /** Overwrites in place, or creates. */
  write(path: string, content: string): void {
    const now = this.#clock.epochMs();
    const real = this.#entries.has(path) ? this.#resolve(path) : path;
    const there = this.#entries.get(real);
    if (there?.kind === "file") {
      there.content = content;
      there.mtimeMs = now;
      there.change = this.#change++;
    } else {
      this.#entries.set(real, { kind: "file", content, ino: this.#ino++, mtimeMs: now, change: this.#change++ });
    }
    this.#tell("change", real);
  }

  link(path: string, target: string): void {
    this.#entries.set(path, { kind: "link", target });
    this.#tell("rename", path);
  }

  /** Moves an entry, with all below it, over whatever is there. */
  rename(from: string, to: string): void {
    this.#forget(to);
    for (const [path, entry] of [...this.#entries]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      this.#entries.delete(path);
      this.#entries.set(to + path.slice(from.length), entry);
    }
    this.#tell("rename", from);
    this.#tell("rename", to);
  }

  remove(path: string): void {
    this.#forget(path);
    this.#tell("rename", path);
  }

  /** Sets a file's time back, as if it had been written long ago. */
  age(path: string, mtimeMs: number): void {
    const entry = this.#entries.get(path);
    if (entry?.kind === "file") entry.mtimeMs = mtimeMs;
  }

  async stat(path: string): Promise<Seen> {
    return this.#seen(this.#resolve(path));
  }

  async read(path: string, maxBytes: number): Promise<{ bytes: Buffer; seen: Seen }> {
    this.openFiles++;
    try {
      const real = this.#resolve(path);
      const code = this.unreadable.get(path);
      if (code !== undefined) throw new FsError(code, path);
      const entry = this.#entries.get(real);
      if (entry?.kind !== "file") throw new FsError("EISDIR", path);
      this.reads++;
      return { bytes: Buffer.from(entry.content).subarray(0, maxBytes), seen: this.#seen(real) };
    } finally {
      this.openFiles--;
    }
  }

  async list(path: string): Promise<readonly string[]> {
    const real = this.#resolve(path);
    if (this.#entries.get(real)?.kind !== "directory") throw new FsError("ENOTDIR", path);
    return [...this.#entries.keys()].filter((each) => each !== "/" && dirname(each) === real).map(lastElem);
  }

  watch(path: string, onEvent: DirectoryEvent): () => void {
    if (this.refuseWatches) throw new FsError("ENOSPC", path);
    const entry = this.#entries.get(this.#resolve(path));
    if (entry?.kind !== "directory") throw new FsError("ENOTDIR", path);
    const watchers = this.#watchers.get(entry.ino) ?? new Set();
    this.#watchers.set(entry.ino, watchers);
    watchers.add(onEvent);
    return () => void watchers.delete(onEvent);
  }

  #forget(path: string): void {
    for (const each of [...this.#entries.keys()]) {
      if (each === path || each.startsWith(`${path}/`)) this.#entries.delete(each);
    }
  }

  #tell(kind: string, path: string): void {
    if (!this.events) return;
    const parent = this.#entries.get(dirname(path));
    if (parent?.kind !== "directory") return;
    for (const each of [...(this.#watchers.get(parent.ino) ?? [])]) each(kind, lastElem(path));
  }

  #seen(real: string): Seen {
    const entry = this.#entries.get(real);
    if (entry === undefined || entry.kind === "link") throw new FsError("ENOENT", real);
    if (entry.kind === "directory") return { kind: "directory", size: 0, mtimeMs: 0, signature: `${entry.ino}` };
    const { content, ino, mtimeMs, change } = entry;
    return { kind: "file", size: content.length, mtimeMs, signature: `${ino}:${content.length}:${mtimeMs}:${change}` };
  }

  #resolve(path: string): string {
    let real = "/";
    let left = path.split("/").filter((elem) => elem !== "");
    for (let links = 0; left.length > 0; ) {
      if (left[0] === "." || left[0] === "..") {
        if (left[0] === "..") real = dirname(real);
        left = left.slice(1);
        continue;
      }
      const next = real === "/" ? `/${left[0]}` : `${real}/${left[0]}`;
      left = left.slice(1);
      const entry = this.#entries.get(next);
      if (entry === undefined) throw new FsError("ENOENT", path);
      if (entry.kind === "link") {
        if (++links > 40) throw new FsError("ELOOP", path);
        const target = entry.target.split("/").filter((elem) => elem !== "");
        left = [...target, ...left];
        if (entry.target.startsWith("/")) real = "/";
        continue;
      }
      if (entry.kind === "file" && left.length > 0) throw new FsError("ENOTDIR", path);
      real = next;
    }
    return real;
  }
}

function lastElem(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
