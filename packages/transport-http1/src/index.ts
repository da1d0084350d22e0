export type { AcceptMode } from "./accept-wire.ts";
export { ClientConnection, type ClientConnectionOptions } from "./client-connection.ts";
export { ConnectError, ConnectionLostError, RequestError, ResponseError } from "./client-errors.ts";
export { type ClientSocketOptions, Http1Connector, type Http1ConnectorOptions } from "./connector.ts";
export { ProtocolError } from "./errors.ts";
export type { ResponseLimits } from "./response-head.ts";
export { type Http1Server, type Http1ServerOptions, listenHttp1 } from "./server.ts";
export { defaultServerLimits, type ServerLimits } from "./server-settings.ts";
export { nullServerStats, type ServerConnectionStats, serverConnectionStats } from "./server-stats.ts";
