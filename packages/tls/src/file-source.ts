import { readFileSync, type Stats, statSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { asError } from "@weftmesh/core";
import { TlsFileError } from "./errors.ts";

/** A file that a config names, by the key that does. */
export interface NamedFile {
  readonly key: string;
  readonly path: string;
}

/** The texts of some files by their keys, as they were read together. */
export type FileTexts = ReadonlyMap<string, string>;

/** Longer than any chain or bundle that is meant to be one. */
const maxBytes = 8_388_608;

/** All of the files, before anything runs. Errors: TlsFileError. */
export function readFilesNow(files: readonly NamedFile[]): FileTexts {
  return new Map(
    files.map((file) => {
      try {
        checkSize(file, statSync(file.path));
        return [file.key, readFileSync(file.path, "utf8")];
      } catch (cause) {
        throw readError(file, cause);
      }
    }),
  );
}

/** The same while things run. */
export async function readFiles(files: readonly NamedFile[]): Promise<FileTexts> {
  const texts = new Map<string, string>();
  for (const file of files) {
    try {
      checkSize(file, await stat(file.path));
      texts.set(file.key, await readFile(file.path, "utf8"));
    } catch (cause) {
      throw readError(file, cause);
    }
  }
  return texts;
}

function checkSize(file: NamedFile, found: Stats): void {
  if (!found.isFile()) throw new TlsFileError(file.key, file.path, "is not a file");
  if (found.size > maxBytes) throw new TlsFileError(file.key, file.path, `is longer than ${maxBytes} bytes`);
}

function readError(file: NamedFile, cause: unknown): TlsFileError {
  if (cause instanceof TlsFileError) return cause;
  const { code, message } = asError(cause) as NodeJS.ErrnoException;
  const why = code === "ENOENT" ? "does not exist" : code === "EACCES" ? "may not be read by this process" : undefined;
  return new TlsFileError(file.key, file.path, why ?? `cannot be read: ${message}`, cause);
}

/** What changes when one of the files does, and whether any was written so lately that this may not show yet. */
export async function fingerprint(
  files: readonly NamedFile[],
  epochMs: number,
): Promise<{ text: string; isFresh: boolean }> {
  let text = "";
  let isFresh = false;
  for (const { path } of files) {
    try {
      const { ino, size, mtimeMs, ctimeMs } = await stat(path);
      text += `${ino} ${size} ${mtimeMs} ${ctimeMs}\n`;
      if (epochMs - ctimeMs < freshMs) isFresh = true;
    } catch (error) {
      text += `${String(Reflect.get(asError(error), "code"))}\n`;
    }
  }
  return { text, isFresh };
}

/** Times of files move in steps; a second write within one leaves no trace in them. */
const freshMs = 3_000;

export function sameTexts(a: FileTexts, b: FileTexts | undefined): boolean {
  return b !== undefined && a.size === b.size && [...a].every(([key, text]) => b.get(key) === text);
}
