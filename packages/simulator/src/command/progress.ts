const width = 24;

/** One line that tells how far a long run is, rewritten in place; nothing at all where that cannot be done. */
export class Progress {
  readonly #write: ((text: string) => void) | undefined;
  #shown = "";

  constructor(isTerminal: boolean, write: (text: string) => void) {
    this.#write = isTerminal ? write : undefined;
  }

  show(what: string, share: number): void {
    if (this.#write === undefined) return;
    const full = Math.round(Math.min(Math.max(share, 0), 1) * width);
    const line = `${"█".repeat(full)}${"░".repeat(width - full)} ${String(Math.round(share * 100)).padStart(3)} %  ${what}`;
    if (line === this.#shown) return;
    this.#write(`\r\u001b[K${line}`);
    this.#shown = line;
  }

  clear(): void {
    if (this.#shown !== "") this.#write?.("\r\u001b[K");
    this.#shown = "";
  }
}
