export { type HttpConfig, httpSchema } from "./config.ts";
export { httpProtocol, ListenError } from "./http-protocol.ts";
export { ClientSocketParam, http1Transport, ResponseLimitsParam } from "./transport.ts";
