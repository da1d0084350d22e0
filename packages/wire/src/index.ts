export { acceptMode } from "./accept-mode.ts";
export { acceptTls, type ServerTls } from "./accept-tls.ts";
export { type AcceptMode, acceptWire } from "./accept-wire.ts";
export { inlineBytes, latin1 } from "./latin1.ts";
export { openSockets, SocketWire, writeHighWaterBytes } from "./socket-wire.ts";
export { TlsWire } from "./tls-wire.ts";
export { type Flushable, flushAtEndOfTurn } from "./turn-writes.ts";
export type { FrameWire, Wire, WireReader } from "./wire.ts";
