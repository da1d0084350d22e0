import type { EndpointOptions } from "./endpoint-options.ts";
import { ConnectionFault } from "./errors.ts";
import { defaultWindowBytes, ErrorCode } from "./frame-types.ts";
import type { FrameWriter } from "./frame-writer.ts";
import type { StreamInput } from "./stream-input.ts";

/** The window of a connection is opened again once a fourth of it is used up. */
const connectionShare = 4;

/**
 * What the peer may send: the window of the connection, and the streams whose windows are to be opened again.
 *
 * Shape: one per connection. The connection's window opens as bytes come, whoever they are for, so that a stream which
 * nobody reads holds up no other; only when all of them hold more than `maxHeldBytes` does it wait for consumers. All
 * that one read gives back goes out as one update per stream.
 */
export class ReceiveWindows {
  readonly streamBytes: number;
  /** A stream's window is opened again at or below this. */
  readonly updateAtBytes: number;
  /** Bytes of streams whose consumers have not taken them. */
  heldBytes = 0;
  private readonly frames: FrameWriter;
  private readonly connectionBytes: number;
  private readonly maxHeldBytes: number;
  private window: number = defaultWindowBytes;
  private readonly due: StreamInput[] = [];
  private reading = false;

  constructor(frames: FrameWriter, options: EndpointOptions) {
    this.frames = frames;
    this.streamBytes = options.initialStreamWindowBytes;
    this.updateAtBytes = Math.floor(options.initialStreamWindowBytes * options.windowUpdateRatio);
    this.connectionBytes = options.connectionWindowBytes;
    this.maxHeldBytes = options.maxHeldBytes;
  }

  /** Behind our first SETTINGS. */
  open(): void {
    this.openConnection(1);
  }

  /** A DATA frame of that length came. Errors: `ConnectionFault`. */
  use(length: number): void {
    this.window -= length;
    if (this.window >= 0) return;
    throw new ConnectionFault(ErrorCode.FlowControlError, "the peer sent more than the window of the connection");
  }

  /** Until `endRead`, updates wait. */
  beginRead(): void {
    this.reading = true;
  }

  endRead(): void {
    this.reading = false;
    const { due } = this;
    if (due.length > 0) {
      for (let i = 0; i < due.length; i++) (due[i] as StreamInput).update(this.frames);
      due.length = 0;
    }
    if (this.window < this.connectionBytes) this.openConnection(this.connectionBytes / connectionShare);
  }

  /** The stream has taken enough for its window to be opened. */
  isDue(stream: StreamInput): void {
    if (this.reading) this.due.push(stream);
    else {
      stream.update(this.frames);
      this.openConnection(this.connectionBytes / connectionShare);
    }
  }

  private openConnection(least: number): void {
    const over = Math.max(0, this.heldBytes - this.maxHeldBytes);
    const increment = this.connectionBytes - over - this.window;
    if (increment < least) return;
    this.window += increment;
    this.frames.windowUpdate(0, increment);
  }
}
