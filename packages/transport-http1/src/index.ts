export {
  type AcceptMode,
  type ClientSocketOptions,
  ConnectError,
  ConnectionLostError,
  nullServerStats,
  RequestError,
  ResponseError,
  type ServerConnectionStats,
  type ServerGuard,
  serverConnectionStats,
  TunnelLimitError,
  type TunnelSettings,
  TunnelStats,
} from "@weftmesh/wire";
export { ClientConnection, type ClientConnectionOptions } from "./client-connection.ts";
export { Http1Connector, type Http1ConnectorOptions } from "./connector.ts";
export { ProtocolError } from "./errors.ts";
export { Http1Serving, type ServesHttp1 } from "./http1-serving.ts";
export type { ProtocolSwitch } from "./protocol-switch.ts";
export type { ResponseLimits } from "./response-head.ts";
export { type Http1Server, type Http1ServerOptions, listenHttp1 } from "./server.ts";
export { defaultServerLimits, type ServerLimits } from "./server-settings.ts";
