export { ConfigError, type ConfigIssue, type ConfigRule, showIssue, showIssueInSource } from "./config-error.ts";
export { HeaderNameType } from "./header-name-type.ts";
export type { Setting } from "./inspect.ts";
export { configJsonSchema, type JsonSchema, jsonSchemaOf } from "./json-schema.ts";
export { bodiesByKind, type KindTable, kindSchema } from "./kind-schema.ts";
export { LinearRegex } from "./linear-regex.ts";
export { type ListedSetting, listSettings } from "./list-settings.ts";
export { locatedError } from "./located-error.ts";
export { plannedKinds } from "./planned-kinds.ts";
export {
  type AnyPlugin,
  definePlugin,
  type Plugin,
  type PluginSource,
  type PluginTypes,
  type StackablePlugin,
} from "./plugin.ts";
export { type Chosen, oneOrMany, type PositionOptions, pluginPosition } from "./plugin-position.ts";
export { type ProfileSetting, type ProfileUse, profileSettings } from "./profile-settings.ts";
export { type ReadConfig, readConfig, readPluginNames, readWith, validateConfig } from "./read-config.ts";
export { maxConfigChars } from "./read-source.ts";
export { ConflictingSubtypesError, PluginDeclarationError, Registry } from "./registry.ts";
export type { AdminConfig, AdminSecurity } from "./schema/admin.ts";
export type { Announcer } from "./schema/announcers.ts";
export type { Backoff } from "./schema/backoff.ts";
export { type ClientConfig, type HostConnectionPool, type HttpClientConfig, httpClientKeys } from "./schema/client.ts";
export type { FailureAccrual } from "./schema/failure-accrual.ts";
export type { HashKeyConfig } from "./schema/hash-key.ts";
export {
  type AccessLogConfig,
  accessLogSchemas,
  type ForwardedLabelerConfig,
  type HttpServerConfig,
  httpServerKeys,
  type InterimResponses,
  type TracePropagatorConfig,
  tracePropagatorSchema,
} from "./schema/http-router.ts";
export {
  type ClientProtocolName,
  type ClientVersionConfig,
  clientVersionKeys,
  type HttpVersionName,
  type ServerProtocolName,
  type ServerVersionsConfig,
  serverVersionsKeys,
} from "./schema/http-versions.ts";
export { type ChosenRouter, type LinkerConfig, linkerSchema, type UsageConfig } from "./schema/linker.ts";
export type { LoadBalancer } from "./schema/load-balancer.ts";
export type { OverloadConfig } from "./schema/overload.ts";
export type { ProfileName } from "./schema/profile.ts";
export type { RetryBudgetConfig } from "./schema/retry-budget.ts";
export {
  type BindingCacheConfig,
  type Keys,
  type ProtocolKeys,
  type RouterConfig,
  routerSchema,
} from "./schema/router.ts";
export type { ServerConfig } from "./schema/server.ts";
export { classifierPosition, type RetriesConfig, type ServiceConfig } from "./schema/service.ts";
export type { SessionLimits } from "./schema/session.ts";
export { type SlowClientsConfig, slowClientsSchema } from "./schema/slow-clients.ts";
export type { SocketOptions } from "./schema/socket-options.ts";
export type { ParamValue, StackEdit, StackEdits } from "./schema/stack-edits.ts";
export type { StaticConfigs, StaticEntry } from "./schema/static-configs.ts";
export type { ClientAuth, ClientTls, ServerTls } from "./schema/tls.ts";
export type { Transformer } from "./schema/transformers.ts";
export { type TunnelsConfig, tunnelsSchema } from "./schema/tunnels.ts";
export { unsupported, unsupportedFeatures } from "./schema/unsupported.ts";
export { clientConfigFor, staticConfigsFor } from "./static-configs-for.ts";
export { type ToJsonOptions, toJson } from "./to-json.ts";
export {
  Count,
  canonicalIp,
  Directory,
  DtabType,
  DurationMs,
  DurationSecs,
  decimal,
  File,
  Flag,
  fallsBackTo,
  integer,
  Kilobytes,
  LogLevel,
  type LogLevelName,
  NoKeys,
  oneOf,
  PathMatcherType,
  PathType,
  Port,
  PositiveCount,
  Ratio,
  RegexType,
  SecretType,
  ServerIp,
  secret,
  TextType,
  textOf,
} from "./types.ts";
