export { type H2Config, h2Schema } from "./config.ts";
export { h2Protocol } from "./h2-protocol.ts";
export { type H2Responder, newH2Responder } from "./h2-responder.ts";
