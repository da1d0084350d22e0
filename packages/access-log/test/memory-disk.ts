import type { Disk, LogHandle } from "../src/disk.ts";

interface MemoryFile {
  readonly id: string;
  text: string;
  modifiedMs: number;
}

/** Folders in memory, all of one level, with whatever faults a test wants. */
export class MemoryDisk implements Disk {
  readonly files = new Map<string, MemoryFile>();
  /** Asked before each write: how many bytes it may take, or the error that it ends with. */
  onWrite: (bytes: number) => number | Error = (bytes) => bytes;
  /** Asked before anything else. */
  onCall: (what: "open" | "rename" | "list" | "remove" | "idOf") => Error | undefined = () => undefined;
  nowMs: () => number = () => 0;
  isRegular = true;
  open_ = 0;
  #ids = 0;

  async open(path: string, truncate: boolean): Promise<LogHandle> {
    this.#check("open");
    let file = this.files.get(path);
    if (file === undefined) {
      file = { id: String(++this.#ids), text: "", modifiedMs: this.nowMs() };
      this.files.set(path, file);
    }
    if (truncate) file.text = "";
    const opened = file;
    this.open_++;
    return {
      id: opened.id,
      isRegular: this.isRegular,
      bytes: opened.text.length,
      modifiedMs: opened.modifiedMs,
      write: async (bytes) => {
        const taken = this.onWrite(bytes.length);
        if (typeof taken !== "number") throw taken;
        opened.text += Buffer.from(bytes.subarray(0, taken)).toString("latin1");
        opened.modifiedMs = this.nowMs();
        return taken;
      },
      close: async () => {
        this.open_--;
      },
    };
  }

  async idOf(path: string): Promise<string | undefined> {
    this.#check("idOf");
    return this.files.get(path)?.id;
  }

  async rename(from: string, to: string): Promise<void> {
    this.#check("rename");
    const file = this.files.get(from);
    if (file === undefined) throw new Error(`no file ${from}`);
    if (this.files.has(to)) throw new Error(`a file was overwritten: ${to}`);
    this.files.delete(from);
    this.files.set(to, file);
  }

  async list(folder: string): Promise<readonly string[]> {
    this.#check("list");
    return [...this.files.keys()]
      .filter((path) => path.startsWith(`${folder}/`))
      .map((path) => path.slice(folder.length + 1));
  }

  async remove(path: string): Promise<void> {
    this.#check("remove");
    this.files.delete(path);
  }

  #check(what: "open" | "rename" | "list" | "remove" | "idOf"): void {
    const error = this.onCall(what);
    if (error !== undefined) throw error;
  }
}
