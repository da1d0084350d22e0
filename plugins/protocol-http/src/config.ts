import { type AccessFormat, readRollPolicy } from "@weftmesh/access-log";
import {
  accessLogSchemas,
  type Chosen,
  type ClientConfig,
  type ClientVersionConfig,
  type HttpServerConfig as CommonServerConfig,
  classifierPosition,
  clientVersionKeys,
  Flag,
  HeaderNameType,
  type HttpClientConfig,
  httpClientKeys,
  httpServerKeys,
  integer,
  Kilobytes,
  oneOrMany,
  type PluginSource,
  PositiveCount,
  pluginPosition,
  type RouterConfig,
  routerSchema,
  type ServerConfig,
  type ServerVersionsConfig,
  type ServiceConfig,
  serverVersionsKeys,
  type TracePropagatorConfig,
  type TunnelsConfig,
  tracePropagatorSchema,
  tunnelsSchema,
} from "@weftmesh/config";
import type * as z from "zod";

/** What an http server adds to the keys of every server. */
export interface HttpServerKeys {
  readonly timestampHeader?: string | undefined;
  readonly maxHeaderLines: number;
  readonly connectionBufferKB: number;
}

/** What an http router adds to the keys of every router. */
export interface HttpRouterKeys {
  readonly identifier: readonly Chosen<"identifier">[];
  readonly streamAfterContentLengthKB: number;
  readonly maxHeadersKB: number;
  readonly maxInitialLineKB: number;
  readonly maxErrResponseKB: number;
  readonly streamingEnabled: boolean;
  readonly maxAggregateKB: number;
  readonly compressionLevel: number;
  readonly httpAccessLog?: string | undefined;
  readonly httpAccessLogRollPolicy: string;
  readonly httpAccessLogAppend: boolean;
  readonly httpAccessLogRotateCount: number;
  readonly httpAccessLogFormat: AccessFormat;
  readonly tracePropagator: TracePropagatorConfig;
  readonly tunnels?: TunnelsConfig | undefined;
}

export type HttpServerConfig = ServerConfig & CommonServerConfig & ServerVersionsConfig & HttpServerKeys;
export type HttpClient = ClientConfig & HttpClientConfig & ClientVersionConfig;
export type HttpConfig = RouterConfig<HttpServerConfig, HttpClient, ServiceConfig> & HttpRouterKeys;

/** The keys of an http router. Those that this build cannot honour yet are refused in one place, by `unsupported`. */
export function httpSchema(plugins: PluginSource): z.ZodType<HttpConfig> {
  const log = accessLogSchemas(readRollPolicy);
  const identifiers = oneOrMany(pluginPosition(plugins, "identifier"));
  return routerSchema(plugins, {
    defaultPort: 4140,
    router: {
      identifier: identifiers
        .prefault({ kind: "io.l5d.header.token" } as never)
        .describe("Who names requests; of a list the first that can"),
      streamAfterContentLengthKB: Kilobytes.default(5).describe(
        "Bodies of requests up to this length are kept, so that they can be sent again",
      ),
      maxHeadersKB: Kilobytes.default(8).describe("Bytes of a request's headers at most"),
      maxInitialLineKB: Kilobytes.default(4).describe("Bytes of a request's first line at most"),
      maxErrResponseKB: Kilobytes.default(5120).describe("Bytes of the body of an error of ours at most"),
      tunnels: tunnelsSchema()
        .optional()
        .describe("CONNECT and Upgrade, such as WebSocket; none are served when absent (not in Linkerd)"),
      streamingEnabled: Flag.default(true).describe(
        "Pass bodies on as they come; false holds each in memory until it is whole",
      ),
      maxAggregateKB: PositiveCount.default(16_384).describe(
        "KB of a body that is held in memory at most, with streamingEnabled: false (not in Linkerd)",
      ),
      compressionLevel: integer(-1, 9, "an integer from -1 to 9", 6)
        .default(-1)
        .describe("How hard responses are compressed: 1 to 9, 0 not at all, -1 those that are text at level 6"),
      httpAccessLog: log.path,
      httpAccessLogRollPolicy: log.rollPolicy,
      httpAccessLogAppend: log.append,
      httpAccessLogRotateCount: log.rotateCount,
      httpAccessLogFormat: log.format,
      tracePropagator: tracePropagatorSchema(),
    },
    server: {
      ...httpServerKeys(),
      ...serverVersionsKeys("http1"),
      timestampHeader: HeaderNameType.optional().describe("Header that is given the time of receipt in ms"),
      maxHeaderLines: PositiveCount.default(1000).describe("Header lines of a request at most (not in Linkerd)"),
      connectionBufferKB: integer(16, 1_048_576, "kilobytes: an integer from 16 to 1048576", 64)
        .default(64)
        .describe("What may wait to be written to a client before its backend is paused (not in Linkerd)"),
    },
    client: { ...httpClientKeys(plugins), ...clientVersionKeys("http1") },
    service: { responseClassifier: classifierPosition(plugins, "http") },
  }) as unknown as z.ZodType<HttpConfig>;
}
