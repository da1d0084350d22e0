/**
 * One connection as the codecs see it: bytes come in through a callback, and go out with flags.
 *
 * Shape: what `write…` answers are the flags of `@weftmesh/http`: `Retained` says that the bytes are still referred to
 * after the call, `Full` that the writer should wait for `onWritable`. `onWritable` may also come unasked.
 */
export interface Wire {
  /** Bytes read and handed over so far. */
  readonly received: number;
  /** Bytes taken for writing so far. */
  readonly sent: number;
  /** Bytes that wait to be written. */
  readonly pending: number;
  /** More is waiting to be written than the high-water mark: `onWritable` comes when it went out. */
  readonly full: boolean;
  readonly closed: boolean;
  /**
   * Set while the rest of a long body is awaited: the next bytes come in a large buffer of this connection's own,
   * and chunks of it need no copy.
   */
  bulk: boolean;

  /** Another reader from now on. */
  readBy(reader: WireReader): void;

  /** Text in latin1. It is never retained. */
  writeText(text: string): number;
  writeBytes(bytes: Uint8Array): number;
  /** Text, bytes and text again in one packet where they fit in one. */
  writeAround(before: string, bytes: Uint8Array, after: string): number;

  /**
   * `bytes[start, end)` of the present `onBytes`, to be handed to a sink or kept: a copy where the memory is shared
   * with other connections, else the bytes themselves.
   */
  chunk(bytes: Buffer, start: number, end: number): Buffer;
  /** For a sink that answered `Retained`, and for whoever keeps a chunk: the memory of `bytes` is not read into again. */
  retain(bytes: Buffer): void;

  /** Writes nothing, and so learns of an error that waits on the connection, such as a reset. */
  probe(): void;

  /** Stops the flow of `onBytes`; the end of the connection is not noticed meanwhile either. */
  pause(): void;
  resume(): void;

  /** Says that nothing more will be written, once everything was. The peer may go on sending. */
  end(): void;
  /** Closes at once, and drops what was not written. `onClosed` comes soon, with the error if one is given. */
  destroy(error?: Error): void;
  /** Closes at once in such a way that the peer cannot take it for the end of a message. */
  reset(): void;
}

/**
 * A wire for frames: binary writes are gathered in memory of its own and leave together when the turn of the event loop
 * ends, as text does. What is written by `writeText` or `writeBytes` meanwhile keeps its place among them.
 *
 * @example
 * const at = wire.reserve(9);
 * const { output } = wire;
 * output.writeUIntBE(length, at, 3); // and so on: all nine bytes, before anything else is done with the wire
 */
export interface FrameWire extends Wire {
  /** What `reserve` gave room in; valid until the next call of the wire. */
  readonly output: Buffer;
  /** So much of `output` goes out at the end of the turn; what stands there may still be changed until then. */
  readonly gathered: number;
  /**
   * Room for that many more bytes, 16,384 at most, to be filled in at once: gives their position in `output`.
   * Whether the writer should wait then says `full`. On a closed wire there is room too, for nobody.
   */
  reserve(bytes: number): number;
  /** Takes a copy of `bytes[start, end)`, so that it is never retained. More than fits at once is written by parts. */
  gather(bytes: Uint8Array, start: number, end: number): number;
}

/** Who hears of a wire. Nothing comes after `onClosed`, which comes once. */
export interface WireReader {
  /** `bytes[0, end)` arrived. They are lent until this returns: see `Wire.chunk`. */
  onBytes(bytes: Buffer, end: number): void;
  /** The peer will send no more; it may still read. */
  onEof(): void;
  /** What was written has gone out, and more may follow. */
  onWritable(): void;
  onClosed(error: Error | undefined): void;
}
