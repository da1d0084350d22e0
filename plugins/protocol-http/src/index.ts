export { type HttpConfig, httpSchema } from "./config.ts";
export { httpProtocol } from "./http-protocol.ts";
