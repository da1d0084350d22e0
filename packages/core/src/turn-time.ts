/** Reads of one value at most: whoever spins on the clock sees it move. */
const maxReads = 255;

/**
 * The time, read once per turn of the event loop: what happens in one turn happens at once.
 *
 * Units: ms. Cost: a read of the machine's time per turn, or per 255 reads, and one immediate per turn that asked.
 */
export class TurnTime {
  readonly #read: () => number;
  readonly #endTurn: (fn: () => void) => void;
  #nowMs = 0;
  #left = 0;
  #armed = false;
  readonly #expire: () => void = () => {
    this.#armed = false;
    this.#left = 0;
  };

  /** `endTurn` calls its argument when the present turn is over. */
  constructor(read: () => number, endTurn: (fn: () => void) => void) {
    this.#read = read;
    this.#endTurn = endTurn;
  }

  now(): number {
    return this.#left-- > 0 ? this.#nowMs : this.#refresh();
  }

  #refresh(): number {
    this.#nowMs = this.#read();
    this.#left = maxReads;
    if (!this.#armed) {
      this.#armed = true;
      this.#endTurn(this.#expire);
    }
    return this.#nowMs;
  }
}
