import { ConnectionFault } from "./errors.ts";
import { ErrorCode } from "./frame-types.ts";

const none: Buffer = Buffer.alloc(0);
/** The largest memory of a block that is over, for the next one: a flood of long blocks leaves nothing to be collected. */
let spare: Buffer = none;

/** A header block that comes in several frames, until it is whole. */
export class HeaderBlock {
  id = 0;
  endStream = false;
  bytes: Buffer = none;
  length = 0;
  isOpen = false;
  private frames = 0;
  private readonly maxBytes: number;
  private readonly maxFrames: number;

  constructor(limits: { readonly maxBlockBytes: number; readonly maxBlockFrames: number }) {
    this.maxBytes = limits.maxBlockBytes;
    this.maxFrames = limits.maxBlockFrames;
  }

  open(id: number, endStream: boolean): void {
    this.isOpen = true;
    this.id = id;
    this.endStream = endStream;
    this.bytes = none;
    this.length = 0;
    this.frames = 0;
  }

  /** Whether a block may be so long. */
  check(length: number): void {
    if (length <= this.maxBytes) return;
    throw new ConnectionFault(ErrorCode.EnhanceYourCalm, `a header block is longer than ${this.maxBytes} bytes`);
  }

  add(bytes: Buffer, start: number, end: number): void {
    const length = this.length + end - start;
    this.check(length);
    if (++this.frames > this.maxFrames) {
      throw new ConnectionFault(ErrorCode.EnhanceYourCalm, `a header block came in more than ${this.maxFrames} frames`);
    }
    if (length > this.bytes.length) {
      const grown = this.grown(length);
      this.bytes.copy(grown, 0, 0, this.length);
      this.bytes = grown;
    }
    bytes.copy(this.bytes, this.length, start, end);
    this.length = length;
  }

  /** Room for so many bytes. */
  private grown(length: number): Buffer {
    if (spare.length < length) {
      return Buffer.allocUnsafeSlow(Math.min(Math.max(length, 2 * this.bytes.length), this.maxBytes));
    }
    const taken = spare;
    spare = none;
    return taken;
  }

  /** What was read out of it is done with. */
  static reuse(bytes: Buffer): void {
    if (bytes.length > spare.length) spare = bytes;
  }

  close(): void {
    this.isOpen = false;
    this.bytes = none;
    this.length = 0;
  }
}
