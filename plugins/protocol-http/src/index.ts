export { type HttpConfig, httpSchema } from "./config.ts";
export { httpProtocol } from "./http-protocol.ts";
export { http1Transport, ResponseLimitsParam } from "./transport.ts";
