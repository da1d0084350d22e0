export { acceptMode } from "./accept-mode.ts";
export type { ServerTls } from "./accept-tls.ts";
export { type AcceptMode, acceptWire } from "./accept-wire.ts";
export {
  ConnectError,
  ConnectionLostError,
  connectError,
  connectTimeout,
  handshakeFailed,
  RequestBrokenError,
  RequestError,
  ResponseError,
  showPeer,
  TlsConnectError,
} from "./client-errors.ts";
export { type ClientSettings, type ConnectorOptions, clientSettings } from "./client-settings.ts";
export { ClientStats } from "./client-stats.ts";
export { type ClientTimeouts, ClientWatch, type WatchedExchange } from "./client-watch.ts";
export { type BeginSession, type ClientSocketOptions, type ConnectOptions, connectWire } from "./connect-wire.ts";
export { type ConnectionEndStats, countConnection } from "./connection-end.ts";
export { inlineBytes, latin1 } from "./latin1.ts";
export { RateWindow } from "./rate-window.ts";
export { listenOnWires, type ServerSocketOptions, type WireServer, type WireServerOptions } from "./server.ts";
export { noGuard, type ServerGuard } from "./server-guard.ts";
export { nullServerStats, type ServerConnectionStats, serverConnectionStats } from "./server-stats.ts";
export { type ConnectionOwner, checkInterval, type ServedConnection, type Serving } from "./serving.ts";
export {
  type ServingOptions,
  type ServingSettings,
  type SlownessLimits,
  servingCheckMs,
  servingSettings,
} from "./serving-settings.ts";
export { openSockets, SocketWire, writeHighWaterBytes } from "./socket-wire.ts";
export { TlsWire } from "./tls-wire.ts";
export { nullTunnelStats, Tunnel, TunnelLimitError, type TunnelSettings, TunnelStats } from "./tunnel.ts";
export { TunnelLife } from "./tunnel-life.ts";
export { type Flushable, flushAtEndOfTurn } from "./turn-writes.ts";
export type { FrameWire, Wire, WireReader } from "./wire.ts";
