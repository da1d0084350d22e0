import type { HeaderEncoder } from "@weftmesh/hpack";
import type { FrameWire } from "@weftmesh/wire";
import type { FrameWriter } from "./frame-writer.ts";
import type { ReceiveWindows } from "./receive-windows.ts";
import type { SendQueue } from "./send-queue.ts";
import type { PeerSettings } from "./settings.ts";
import type { Stream } from "./stream.ts";

/** What a connection is to its streams. */
export interface StreamHost {
  readonly wire: FrameWire;
  readonly frames: FrameWriter;
  readonly encoder: HeaderEncoder;
  readonly peer: PeerSettings;
  readonly sending: SendQueue;
  readonly receiving: ReceiveWindows;
  /** Both sides have ended the stream. */
  closeStream(stream: Stream): void;
  /** Ends the stream for both sides. */
  resetStream(stream: Stream, http2Code: number): void;
}
