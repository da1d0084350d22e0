import { constants } from "node:fs";
import { mkdir, open, readdir, rename, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";

/** A file that is written at its end. */
export interface LogHandle {
  /** Tells this file from others, whatever it is called by now. */
  readonly id: string;
  /** False for a device or a pipe, which cannot be renamed. */
  readonly isRegular: boolean;
  /** When it was opened. */
  readonly bytes: number;
  /** When it was last written to, before it was opened; since the epoch. */
  readonly modifiedMs: number;
  /** Answers how many were written, which may be fewer than there are. */
  write(bytes: Uint8Array): Promise<number>;
  close(): Promise<void>;
}

/** What a log needs of a file system. Errors: those of the system, with its codes. */
export interface Disk {
  /** Makes the folder too where it is missing. */
  open(path: string, truncate: boolean): Promise<LogHandle>;
  /** The id of the file that has this path now; undefined when there is none. */
  idOf(path: string): Promise<string | undefined>;
  rename(from: string, to: string): Promise<void>;
  /** Names in a folder. */
  list(folder: string): Promise<readonly string[]>;
  remove(path: string): Promise<void>;
}

/** Never waits for somebody to read a pipe: that fails at once, and is tried again. */
const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NONBLOCK;

/** The file system of the machine. */
export const systemDisk: Disk = {
  async open(path, truncate) {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, flags);
    try {
      let found = await file.stat();
      if (truncate && found.isFile()) {
        await file.truncate();
        found = await file.stat();
      }
      return {
        id: `${found.dev}:${found.ino}`,
        isRegular: found.isFile(),
        bytes: found.size,
        modifiedMs: found.mtimeMs,
        write: async (bytes) => (await file.write(bytes)).bytesWritten,
        close: () => file.close(),
      };
    } catch (error) {
      await file.close();
      throw error;
    }
  },
  async idOf(path) {
    try {
      const { dev, ino } = await stat(path);
      return `${dev}:${ino}`;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  },
  rename,
  list: (folder) => readdir(folder),
  remove: unlink,
};
