import { Socket } from "node:net";
import { SocketWire, writeHighWaterBytes } from "./socket-wire.ts";
import type { WireReader } from "./wire.ts";

/** How accepted connections are read: into reused buffers, or through `data` events. */
export type AcceptMode = "onread" | "data";

interface Handled {
  _handle: unknown;
}

/**
 * A wire over a connection that `net.Server` accepted with `pauseOnConnect`.
 *
 * Shape: Node has no option to read accepted connections into our buffers, and has one for sockets that it is given a
 * handle for. So in mode `onread` the handle moves to a socket of our making; that this works is tried once per process
 * (`acceptMode`), and elsewhere the accepted socket serves as it is.
 */
export function acceptWire(
  accepted: Socket,
  mode: AcceptMode,
  reader: WireReader,
  highWaterBytes: number = writeHighWaterBytes,
): { wire: SocketWire; socket: Socket } {
  const wire = new SocketWire(reader, highWaterBytes);
  if (mode === "data") {
    wire.attach(accepted, false);
    return { wire, socket: accepted };
  }
  const handle = takeHandle(accepted);
  const socket = new Socket({
    handle,
    onread: wire.onread,
    allowHalfOpen: true,
    writableHighWaterMark: highWaterBytes,
  } as object);
  wire.attach(socket, true);
  return { wire, socket };
}

function takeHandle(accepted: Socket): unknown {
  const holder = accepted as unknown as Handled;
  const handle = holder._handle;
  holder._handle = null;
  // Without its handle it has nothing to close; the server forgets it.
  accepted.destroy();
  return handle;
}
