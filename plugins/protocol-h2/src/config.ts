import { readRollPolicy } from "@weftmesh/access-log";
import {
  accessLogSchemas,
  type Chosen,
  type ClientConfig,
  type ClientVersionConfig,
  type HttpServerConfig as CommonServerConfig,
  classifierPosition,
  clientVersionKeys,
  DurationMs,
  fallsBackTo,
  type HttpClientConfig,
  httpClientKeys,
  httpServerKeys,
  integer,
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
import * as z from "zod";
import { clientEndpointKeys, type EndpointSettings, serverEndpointKeys } from "./endpoint-settings.ts";

/** What an h2 router adds to the keys of every router. */
export interface H2RouterKeys {
  readonly identifier: readonly Chosen<"h2Identifier">[];
  readonly h2AccessLog?: string | undefined;
  readonly h2AccessLogRollPolicy: string;
  readonly h2AccessLogAppend: boolean;
  readonly h2AccessLogRotateCount: number;
  readonly h2AccessLogFormat: "line" | "json";
  readonly tracePropagator: TracePropagatorConfig;
  readonly tunnels?: TunnelsConfig | undefined;
}

/** How much of a stream is kept for retries. Units: bytes. */
export interface RetryBufferSize {
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** What an h2 router adds to the keys of a service. */
export interface H2ServiceKeys {
  readonly retryBufferSize?: RetryBufferSize | undefined;
  readonly classificationTimeoutMs?: number | undefined;
}

export type H2ServerConfig = ServerConfig &
  CommonServerConfig &
  ServerVersionsConfig &
  EndpointSettings & { readonly maxConcurrentStreamsPerConnection: number };
export type H2Client = ClientConfig &
  HttpClientConfig &
  ClientVersionConfig & { readonly [K in keyof EndpointSettings]?: EndpointSettings[K] | undefined };
export type H2Service = ServiceConfig & H2ServiceKeys;
export type H2Config = RouterConfig<H2ServerConfig, H2Client, H2Service> & H2RouterKeys;

const bufferBytes = (): z.ZodType<number> =>
  integer(0, 2_147_483_647, "bytes: an integer from 0 to 2147483647", 16_383);

const retryBufferSize = (): z.ZodType<RetryBufferSize> =>
  z.strictObject({
    requestBytes: bufferBytes().default(16_383).describe("Of a request; a longer one is not sent again"),
    responseBytes: bufferBytes()
      .default(16_383)
      .describe("Of a response whose end may call for a retry; a longer one is passed on as it comes"),
  });

/** The keys of an h2 router. */
export function h2Schema(plugins: PluginSource): z.ZodType<H2Config> {
  const log = accessLogSchemas(readRollPolicy);
  return routerSchema(plugins, {
    defaultPort: 4142,
    router: {
      identifier: oneOrMany(pluginPosition(plugins, "h2Identifier"))
        .prefault({ kind: "io.l5d.header.token" } as never)
        .describe("Who names requests; of a list the first that can"),
      h2AccessLog: log.path,
      h2AccessLogRollPolicy: log.rollPolicy,
      h2AccessLogAppend: log.append,
      h2AccessLogRotateCount: log.rotateCount,
      h2AccessLogFormat: log.format,
      tracePropagator: tracePropagatorSchema(),
      tunnels: tunnelsSchema()
        .optional()
        .describe("CONNECT, and streams for other protocols, such as WebSocket; none when absent (not in Linkerd)"),
    },
    server: {
      ...httpServerKeys(),
      ...serverVersionsKeys("h2"),
      ...serverEndpointKeys(),
      maxConcurrentStreamsPerConnection: PositiveCount.default(1000).describe(
        "Requests of a connection at a time; one more is refused",
      ),
    },
    client: { ...httpClientKeys(plugins), ...clientVersionKeys("h2"), ...clientEndpointKeys() },
    service: {
      responseClassifier: classifierPosition(plugins, "h2"),
      classificationTimeoutMs: fallsBackTo(DurationMs, 100).describe(
        "How long the end of a response is waited for that may call for a retry; 0 for not at all",
      ),
      retryBufferSize: fallsBackTo(retryBufferSize(), {}).describe("How much of a stream is kept for retries"),
    },
  }) as unknown as z.ZodType<H2Config>;
}
