import { type AccessFormat, readRollPolicy } from "@weftmesh/access-log";
import {
  bodiesByKind,
  type Chosen,
  type ClientConfig,
  Count,
  Flag,
  HeaderNameType,
  type HttpClientConfig,
  httpClientKeys,
  integer,
  Kilobytes,
  kindSchema,
  oneOf,
  oneOrMany,
  type PluginSource,
  PositiveCount,
  pluginPosition,
  type RouterConfig,
  routerSchema,
  type ServerConfig,
  type ServiceConfig,
  TextType,
  type TunnelsConfig,
  textOf,
  tunnelsSchema,
} from "@weftmesh/config";
import type { ForwardedLabeler, ForwardedLabels, TracePropagator } from "@weftmesh/router";
import * as z from "zod";

/** What an http server adds to the keys of every server. */
export interface HttpServerKeys {
  readonly addForwardedHeader?: ForwardedLabels | undefined;
  readonly timestampHeader?: string | undefined;
  readonly maxCallDepth: number;
  readonly clearForwarded: boolean;
  readonly allowUnderscoresInHeaders: boolean;
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
  readonly tracePropagator: { readonly kind: TracePropagator };
  readonly tunnels?: TunnelsConfig | undefined;
}

export type HttpServerConfig = ServerConfig & HttpServerKeys;
export type HttpClient = ClientConfig & HttpClientConfig;
export type HttpConfig = RouterConfig<HttpServerConfig, HttpClient, ServiceConfig> & HttpRouterKeys;

const empty = (): z.ZodType => z.strictObject({});

function labeler(): z.ZodType<ForwardedLabeler> {
  return kindSchema<ForwardedLabeler>({
    noun: "labeler",
    plural: "labelers",
    discriminator: "kind",
    ...bodiesByKind({
      ip: empty,
      "ip:port": empty,
      connectionRandom: empty,
      requestRandom: empty,
      router: empty,
      static: () => z.strictObject({ label: TextType.describe("The label of every request") }),
    }),
    build: (kind, _common, own) => ({ kind, ...(own as object) }) as ForwardedLabeler,
  });
}

const forwarded = () =>
  z.strictObject({
    by: labeler().prefault({ kind: "requestRandom" }).describe("How this end of the connection is named"),
    for: labeler().prefault({ kind: "requestRandom" }).describe("How the other end of the connection is named"),
  });

/** Checked here, and read again by whoever opens the log: a config is shown as it was written. */
const rollPolicy = () =>
  textOf(
    (text) => {
      readRollPolicy(text);
      return text;
    },
    "never, hourly, daily, weekly(1) to weekly(7), sighup, or a size such as 10.megabytes",
    "daily",
  );

/** The keys of an http router. Those that this build cannot honour yet are refused in one place, by `unsupported`. */
export function httpSchema(plugins: PluginSource): z.ZodType<HttpConfig> {
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
      httpAccessLog: TextType.optional().describe("File of the access log; none is written when absent"),
      httpAccessLogRollPolicy: rollPolicy().default("never").describe("When the access log begins a new file"),
      httpAccessLogAppend: Flag.default(true).describe("Go on with the access log that is there"),
      httpAccessLogRotateCount: integer(-1, 2_147_483_647, "an integer from -1", 10)
        .default(-1)
        .describe("Files of the access log that are kept beside the present one; -1 keeps all"),
      httpAccessLogFormat: oneOf("line", "json")
        .default("line")
        .describe("Linkerd's line, or JSON with more in it (not in Linkerd)"),
      tracePropagator: z
        .strictObject({ kind: oneOf("io.l5d.default", "io.l5d.zipkin").describe("Whose headers these are") })
        .default({ kind: "io.l5d.default" })
        .describe("Which headers carry the trace"),
    },
    server: {
      addForwardedHeader: forwarded().optional().describe("Append to Forwarded who asked and through whom"),
      timestampHeader: HeaderNameType.optional().describe("Header that is given the time of receipt in ms"),
      maxCallDepth: Count.default(1000).describe("Proxies that may stand in Via"),
      clearForwarded: Flag.default(false).describe(
        "Drop Forwarded, X-Forwarded-* and their like from requests (not in Linkerd)",
      ),
      allowUnderscoresInHeaders: Flag.default(true).describe(
        "Take header names with a _, which applications may confuse with a - (not in Linkerd)",
      ),
      maxHeaderLines: PositiveCount.default(1000).describe("Header lines of a request at most (not in Linkerd)"),
      connectionBufferKB: integer(16, 1_048_576, "kilobytes: an integer from 16 to 1048576", 64)
        .default(64)
        .describe("What may wait to be written to a client before its backend is paused (not in Linkerd)"),
    },
    client: httpClientKeys(plugins),
    service: {},
  }) as unknown as z.ZodType<HttpConfig>;
}
