export { h2cUpgrade } from "./h2c-upgrade.ts";
export { HttpServing } from "./http-serving.ts";
export { type HttpServerOptions, listenHttp } from "./server.ts";
