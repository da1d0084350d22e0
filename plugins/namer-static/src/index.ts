export type { StaticEndpoint } from "./endpoint.ts";
export { type StaticNamerConfig, staticNamer } from "./static.ts";
