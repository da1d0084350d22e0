import { constants, watch } from "node:fs";
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { isAbsolute } from "node:path";

/** What stands at a path, links followed. `signature` differs whenever the file may have changed. */
export interface Seen {
  readonly kind: "file" | "directory" | "other";
  readonly size: number;
  readonly mtimeMs: number;
  readonly signature: string;
}

/** What happened in a directory; `name` is undefined when the system does not say. */
export type DirectoryEvent = (kind: string, name: string | undefined) => void;

/** The only door to files. Errors are those of `node:fs`: what is not there rejects with `code: "ENOENT"`. */
export interface FileSystem {
  stat(path: string): Promise<Seen>;
  /** The content, at most `maxBytes` of it, and what stood at the path once it had been read. */
  read(path: string, maxBytes: number): Promise<{ readonly bytes: Buffer; readonly seen: Seen }>;
  list(path: string): Promise<readonly string[]>;
  /** Throws, or calls `onLost` later, when the directory cannot be watched. The result ends the watch. */
  watch(path: string, onEvent: DirectoryEvent, onLost: (error: Error) => void): () => void;
}

interface BigStats {
  isFile(): boolean;
  isDirectory(): boolean;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

function seenFrom(stats: BigStats): Seen {
  const { dev, ino, size, mtimeNs, ctimeNs } = stats;
  if (stats.isDirectory()) return { kind: "directory", size: 0, mtimeMs: 0, signature: `${dev}:${ino}` };
  return {
    kind: stats.isFile() ? "file" : "other",
    size: Number(size),
    mtimeMs: Number(mtimeNs) / 1e6,
    signature: `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`,
  };
}

async function readUpTo(handle: FileHandle, maxBytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(maxBytes);
  let length = 0;
  while (length < maxBytes) {
    const { bytesRead } = await handle.read(buffer, length, maxBytes - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}

/** The machine's files. */
export const nodeFileSystem: FileSystem = {
  async stat(path) {
    return seenFrom(await stat(path, { bigint: true }));
  },

  async read(path, maxBytes) {
    // A pipe that took the file's place must not hold the open up.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const before = seenFrom(await handle.stat({ bigint: true }));
      if (before.kind !== "file") return { bytes: Buffer.alloc(0), seen: before };
      const bytes = await readUpTo(handle, Math.min(maxBytes, before.size + 1));
      return { bytes, seen: seenFrom(await handle.stat({ bigint: true })) };
    } finally {
      await handle.close();
    }
  },

  list: (path) => readdir(path),

  watch(path, onEvent, onLost) {
    if (!isAbsolute(path)) throw new TypeError(`${path} is not absolute`);
    const watcher = watch(path, { persistent: false }, (kind, name) => onEvent(kind, name ?? undefined));
    watcher.on("error", onLost);
    return () => watcher.close();
  },
};
