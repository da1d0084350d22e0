/** Where the messages of one attempt go. `taken` is called when there is room for the next. */
export interface MessageSink {
  message(bytes: Buffer, taken: () => void): void;
  end(): void;
}

/**
 * The messages of a request, kept for as long as they may have to be sent again.
 *
 * Shape: one sink at a time, which is given all messages from the first. What has gone out is kept up to
 * `maxKeptBytes`; beyond that it is let go of, and `resendable` is false for good. `taken` of a message is called once,
 * whatever becomes of the call.
 */
export class RequestMessages {
  readonly #maxKeptBytes: number;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  /** Messages that were let go of: the number of the first that is kept. */
  #gone = 0;
  /** Messages that the present sink has been given, those before it counted in. */
  #given = 0;
  /** Messages whose `taken` was called. */
  #told = 0;
  readonly #waiting: (() => void)[] = [];
  #ended = false;
  #endGiven = false;
  #sink: MessageSink | undefined;
  #resendable = true;
  #claimed = false;

  constructor(maxKeptBytes: number) {
    this.#maxKeptBytes = maxKeptBytes;
  }

  /** The first message, while it is kept. */
  get first(): Buffer | undefined {
    return this.#gone === 0 ? this.#kept[0] : undefined;
  }

  /** True for the first who asks: it is the one to say `settle`, and no layer below it. */
  claim(): boolean {
    const isFirst = !this.#claimed;
    this.#claimed = true;
    return isFirst;
  }

  /** Whether another attempt would be given all that the first was. */
  get resendable(): boolean {
    return this.#resendable;
  }

  get keptBytes(): number {
    return this.#keptBytes;
  }

  push(bytes: Buffer, taken: () => void): void {
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
    this.#waiting.push(taken);
    this.#give();
  }

  end(): void {
    this.#ended = true;
    this.#give();
  }

  /** Gives everything to this sink, from the first message on: only while `resendable`, or for the first time. */
  attach(sink: MessageSink): void {
    this.#sink = sink;
    this.#given = this.#gone;
    this.#endGiven = false;
    this.#give();
  }

  /** The attempt is over: nothing more goes to its sink. */
  detach(sink: MessageSink): void {
    if (this.#sink === sink) this.#sink = undefined;
  }

  /** There will be no other attempt: nothing is kept that has gone out. */
  settle(): void {
    this.#resendable = false;
    this.#forgetGiven();
  }

  /** The call is over: whoever waits for room is told. */
  close(): void {
    this.#sink = undefined;
    this.#resendable = false;
    this.#kept = [];
    this.#keptBytes = 0;
    for (const taken of this.#waiting.splice(0)) taken();
  }

  #give(): void {
    for (;;) {
      const sink = this.#sink;
      const bytes = this.#kept[this.#given - this.#gone];
      if (sink === undefined) return;
      if (bytes === undefined) {
        if (this.#ended && !this.#endGiven) {
          this.#endGiven = true;
          sink.end();
        }
        return;
      }
      const number = ++this.#given;
      if (this.#resendable && this.#keptBytes > this.#maxKeptBytes) this.#resendable = false;
      if (!this.#resendable) this.#forgetGiven();
      sink.message(bytes, () => {
        if (this.#sink === sink) this.#taken(number);
      });
    }
  }

  #taken(number: number): void {
    while (this.#told < number && this.#waiting.length > 0) {
      this.#told++;
      this.#waiting.shift()?.();
    }
  }

  #forgetGiven(): void {
    const count = this.#given - this.#gone;
    for (const bytes of this.#kept.splice(0, count)) this.#keptBytes -= bytes.length;
    this.#gone = this.#given;
  }
}
