import type { WireReader } from "./wire.ts";

/** Reads a wire until its handshake is over, one way or the other. */
export class Handshake implements WireReader {
  readonly #ended: () => void;
  #isOver = false;

  constructor(ended: () => void) {
    this.#ended = ended;
  }

  over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ended();
  }

  onBytes(): void {}

  onEof(): void {}

  onWritable(): void {}

  onClosed(): void {
    this.over();
  }
}

/** For a wire that nobody reads so far. */
export const notYet: WireReader = { onBytes: () => {}, onEof: () => {}, onWritable: () => {}, onClosed: () => {} };
