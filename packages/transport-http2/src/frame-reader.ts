import { ConnectionFault } from "./errors.ts";
import { ErrorCode, Flag, FrameType, frameHeaderBytes } from "./frame-types.ts";
import { HeaderBlock } from "./header-block.ts";

/** Who hears of frames. Bytes are lent until the call returns. What it throws ends the reading. */
export interface FrameHandler {
  /** A DATA frame begins, of so many bytes with its padding: they count against the windows. */
  onDataFrame(id: number, length: number): void;
  /** Content of that frame, in as many pieces as it happens to come in. */
  onDataBytes(bytes: Buffer, start: number, end: number): void;
  onDataEnd(endStream: boolean): void;
  /** A whole header block, without padding and priority, however many frames it came in. */
  onHeaders(id: number, endStream: boolean, bytes: Buffer, start: number, end: number): void;
  /** `dependsOn` is the stream that it shall come after; `isValid` is false for a frame of the wrong length. */
  onPriority(id: number, dependsOn: number, isValid: boolean): void;
  onReset(id: number, code: number): void;
  /** Pairs of identifier and value, or an acknowledgement with none. */
  onSettings(ack: boolean, bytes: Buffer, start: number, end: number): void;
  onPing(ack: boolean, bytes: Buffer, start: number): void;
  onGoaway(lastId: number, code: number, bytes: Buffer, start: number, end: number): void;
  onWindowUpdate(id: number, increment: number): void;
  /** A frame of a type that nobody knows; its payload is skipped. */
  onUnknown(type: number): void;
}

export interface FrameReaderLimits {
  /** The largest payload, as our settings say it. */
  readonly maxFrameBytes: number;
  /** The largest header block before it is decoded. */
  readonly maxBlockBytes: number;
  /** How many frames one header block may come in. */
  readonly maxBlockFrames: number;
}

const none = Buffer.alloc(0);

/**
 * Reads frames out of what a wire brings, where the bytes lie.
 *
 * Shape: one per connection. DATA is passed on as it comes; any other frame once it is whole, and if it is cut in two
 * by a read, from a copy. Any split of the bytes gives the same calls, save that content comes in other pieces.
 * Errors: throws `ConnectionFault`, after which it must not be used.
 */
export class FrameReader {
  /** Frames that were read whole, save those within a header block, and header blocks. */
  count = 0;
  /** The HEADERS that are being told, or were last, would have their stream come after itself. */
  dependsOnItself = false;
  private readonly handler: FrameHandler;
  private readonly limits: FrameReaderLimits;
  private readonly block: HeaderBlock;
  /** A frame that is not whole yet, or its header alone. */
  private held: Buffer = none;
  private heldEnd = 0;
  /** Content of the present DATA frame that is still to come, and the padding behind it. */
  private dataLeft = 0;
  private padLeft = 0;
  private inData = false;
  private endStream = false;
  /** Payload of a frame that nobody knows. */
  private skipLeft = 0;
  private isFirst = true;

  constructor(handler: FrameHandler, limits: FrameReaderLimits) {
    this.handler = handler;
    this.limits = limits;
    this.block = new HeaderBlock(limits);
  }

  /** The rest of a frame or of a header block is awaited. */
  get isWithin(): boolean {
    return this.heldEnd > 0 || this.block.isOpen;
  }

  read(bytes: Buffer, start: number, end: number): void {
    let p = start;
    if (this.heldEnd > 0) p = this.readHeld(bytes, p, end);
    while (p < end) {
      if (this.inData) p = this.readData(bytes, p, end);
      else if (this.skipLeft > 0) p = this.skip(p, end);
      else {
        const next = this.readFrame(bytes, p, end);
        if (next === p) {
          this.hold(bytes, p, end);
          return;
        }
        p = next;
      }
    }
  }

  /** Reads one frame, or the header of one whose payload is passed on as it comes. Answers `p` when there is too little. */
  private readFrame(bytes: Buffer, p: number, end: number): number {
    if (end - p < frameHeaderBytes) return p;
    const length = ((bytes[p] as number) << 16) | ((bytes[p + 1] as number) << 8) | (bytes[p + 2] as number);
    const type = bytes[p + 3] as number;
    const flags = bytes[p + 4] as number;
    const id = readUint31(bytes, p + 5);
    if (length > this.limits.maxFrameBytes) {
      const { maxFrameBytes } = this.limits;
      throw new ConnectionFault(ErrorCode.FrameSizeError, `a frame has ${length} bytes, where ${maxFrameBytes} may be`);
    }
    if (this.block.isOpen && (type !== FrameType.Continuation || id !== this.block.id)) {
      throw new ConnectionFault(ErrorCode.ProtocolError, "a header block was not continued");
    }
    if (this.isFirst) {
      this.isFirst = false;
      if (type !== FrameType.Settings || (flags & Flag.Ack) !== 0) {
        throw new ConnectionFault(ErrorCode.ProtocolError, "the first frame is no SETTINGS");
      }
    }
    const body = p + frameHeaderBytes;
    if (type === FrameType.Data) return this.beginData(bytes, body, end, id, flags, length);
    if (type > FrameType.Continuation) {
      this.handler.onUnknown(type);
      this.skipLeft = length;
      return body;
    }
    const next = body + length;
    if (next > end) return p;
    this.dispatch(type, flags, id, bytes, body, next);
    if (!this.block.isOpen) this.count++;
    return next;
  }

  private dispatch(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    const { handler } = this;
    const length = end - start;
    switch (type) {
      case FrameType.Headers:
        this.readHeaders(flags, id, bytes, start, end);
        return;
      case FrameType.Continuation:
        if (!this.block.isOpen) throw new ConnectionFault(ErrorCode.ProtocolError, "a CONTINUATION continues nothing");
        this.block.add(bytes, start, end);
        if ((flags & Flag.EndHeaders) !== 0) this.endBlock();
        return;
      case FrameType.WindowUpdate:
        if (length !== 4) throw badLength("WINDOW_UPDATE", length);
        handler.onWindowUpdate(id, readUint31(bytes, start));
        return;
      case FrameType.RstStream:
        needsStream(id, "RST_STREAM");
        if (length !== 4) throw badLength("RST_STREAM", length);
        handler.onReset(id, bytes.readUInt32BE(start));
        return;
      case FrameType.Settings:
        needsConnection(id, "SETTINGS");
        if ((flags & Flag.Ack) !== 0 ? length !== 0 : length % 6 !== 0) throw badLength("SETTINGS", length);
        handler.onSettings((flags & Flag.Ack) !== 0, bytes, start, end);
        return;
      case FrameType.Ping:
        needsConnection(id, "PING");
        if (length !== 8) throw badLength("PING", length);
        handler.onPing((flags & Flag.Ack) !== 0, bytes, start);
        return;
      case FrameType.Goaway:
        needsConnection(id, "GOAWAY");
        if (length < 8) throw badLength("GOAWAY", length);
        handler.onGoaway(readUint31(bytes, start), bytes.readUInt32BE(start + 4), bytes, start + 8, end);
        return;
      case FrameType.Priority:
        needsStream(id, "PRIORITY");
        handler.onPriority(id, length === 5 ? readUint31(bytes, start) : 0, length === 5);
        return;
      default:
        throw new ConnectionFault(ErrorCode.ProtocolError, "a PUSH_PROMISE came, and push is off");
    }
  }

  private readHeaders(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    needsStream(id, "HEADERS");
    let from = start;
    let to = end;
    this.dependsOnItself = false;
    if ((flags & Flag.Padded) !== 0) {
      if (from === to) throw badLength("HEADERS", 0);
      to -= bytes[from] as number;
      from++;
    }
    if ((flags & Flag.Priority) !== 0) {
      if (to - from < 5) throw badLength("HEADERS", end - start);
      this.dependsOnItself = readUint31(bytes, from) === id;
      from += 5;
    }
    if (from > to) throw new ConnectionFault(ErrorCode.ProtocolError, "a HEADERS frame has more padding than payload");
    const endStream = (flags & Flag.EndStream) !== 0;
    if ((flags & Flag.EndHeaders) !== 0) {
      this.block.check(to - from);
      this.handler.onHeaders(id, endStream, bytes, from, to);
      return;
    }
    this.block.open(id, endStream);
    this.block.add(bytes, from, to);
  }

  private endBlock(): void {
    const { block } = this;
    const { id, endStream, bytes, length } = block;
    block.close();
    this.handler.onHeaders(id, endStream, bytes, 0, length);
    HeaderBlock.reuse(bytes);
  }

  private beginData(bytes: Buffer, body: number, end: number, id: number, flags: number, length: number): number {
    needsStream(id, "DATA");
    let p = body;
    let pad = 0;
    if ((flags & Flag.Padded) !== 0) {
      if (length === 0) throw badLength("DATA", 0);
      if (p === end) return body - frameHeaderBytes;
      pad = bytes[p] as number;
      p++;
      if (pad >= length) {
        throw new ConnectionFault(ErrorCode.ProtocolError, "a DATA frame has more padding than payload");
      }
      this.dataLeft = length - 1 - pad;
    } else this.dataLeft = length;
    this.padLeft = pad;
    this.endStream = (flags & Flag.EndStream) !== 0;
    this.handler.onDataFrame(id, length);
    this.inData = true;
    return this.readData(bytes, p, end);
  }

  private readData(bytes: Buffer, start: number, end: number): number {
    let p = start;
    const { dataLeft } = this;
    if (dataLeft > 0 && p < end) {
      const next = end - p < dataLeft ? end : p + dataLeft;
      this.dataLeft = dataLeft - (next - p);
      this.handler.onDataBytes(bytes, p, next);
      p = next;
    }
    if (this.dataLeft > 0) return p;
    const pad = Math.min(this.padLeft, end - p);
    this.padLeft -= pad;
    if (this.padLeft === 0) {
      this.inData = false;
      this.handler.onDataEnd(this.endStream);
    }
    return p + pad;
  }

  private skip(p: number, end: number): number {
    const skipped = Math.min(this.skipLeft, end - p);
    this.skipLeft -= skipped;
    return p + skipped;
  }

  /** The bytes are a part of one frame: room for it is made once its header says how much that is. */
  private hold(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    const whole = length < frameHeaderBytes ? frameHeaderBytes : wholeLength(bytes, start);
    this.held = Buffer.allocUnsafe(Math.max(whole, length));
    bytes.copy(this.held, 0, start, end);
    this.heldEnd = length;
  }

  /** Completes the frame that is held, and reads it. Answers how far it came in the new bytes. */
  private readHeld(bytes: Buffer, start: number, end: number): number {
    let p = start;
    for (;;) {
      const { held, heldEnd } = this;
      const count = Math.min(held.length - heldEnd, end - p);
      bytes.copy(held, heldEnd, p, p + count);
      p += count;
      this.heldEnd = heldEnd + count;
      if (this.heldEnd < held.length) return p;
      const next = this.readFrame(held, 0, held.length);
      if (next > 0) {
        this.held = none;
        this.heldEnd = 0;
        return p;
      }
      const grown = Buffer.allocUnsafe(wholeLength(held, 0));
      held.copy(grown, 0);
      this.held = grown;
    }
  }
}

/** Bytes to be held of a frame whose header is here: of DATA the length of its padding, of any other all. */
function wholeLength(bytes: Buffer, p: number): number {
  const length = ((bytes[p] as number) << 16) | ((bytes[p + 1] as number) << 8) | (bytes[p + 2] as number);
  return frameHeaderBytes + (bytes[p + 3] === FrameType.Data ? 1 : length);
}

function readUint31(bytes: Buffer, p: number): number {
  return (
    (((bytes[p] as number) & 0x7f) << 24) |
    ((bytes[p + 1] as number) << 16) |
    ((bytes[p + 2] as number) << 8) |
    (bytes[p + 3] as number)
  );
}

function needsStream(id: number, frame: string): void {
  if (id === 0) throw new ConnectionFault(ErrorCode.ProtocolError, `a ${frame} frame belongs to no stream`);
}

function needsConnection(id: number, frame: string): void {
  if (id !== 0) throw new ConnectionFault(ErrorCode.ProtocolError, `a ${frame} frame belongs to stream ${id}`);
}

function badLength(frame: string, length: number): ConnectionFault {
  return new ConnectionFault(ErrorCode.FrameSizeError, `a ${frame} frame has ${length} bytes`);
}
