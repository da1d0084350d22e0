export { type Admin, type AdminOptions, createAdmin } from "./admin.ts";
export type { AdminAddress } from "./admin-server.ts";
export { delegatorEndpoint, type FindDelegator } from "./delegator-endpoint.ts";
export {
  type AdminEndpoint,
  type AdminRequest,
  type AdminResponse,
  endpointOf,
  json,
  jsonType,
  status,
  textType,
} from "./endpoint.ts";
export { AdminListenError, AdminPathError } from "./errors.ts";
export type { ProcessPhase } from "./health-endpoints.ts";
export { loggingEndpoint } from "./logging-endpoint.ts";
export { ping, type ServerInfo, serverInfoEndpoint, shutdownEndpoint } from "./process-endpoints.ts";
export { redact, redacted } from "./redact.ts";
export type { ReloadAnswer } from "./reload-endpoint.ts";
export { type AdminCategory, type AdminSecurity, categoryOf, type PathPattern } from "./security.ts";
export {
  boundNamesEndpoint,
  clientStateEndpoint,
  configEndpoint,
  metricsEndpoint,
  stacksEndpoint,
} from "./state-endpoints.ts";
