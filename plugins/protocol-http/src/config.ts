import {
  bodiesByKind,
  type Chosen,
  type ClientConfig,
  Count,
  Flag,
  type HttpClientConfig,
  httpClientKeys,
  Kilobytes,
  kindSchema,
  oneOf,
  oneOrMany,
  type PluginSource,
  pluginPosition,
  type RouterConfig,
  routerSchema,
  type ServerConfig,
  type ServiceConfig,
  TextType,
  type TunnelsConfig,
  textOf,
  tunnelsSchema,
  unsupported,
} from "@weftmesh/config";
import { headerName } from "@weftmesh/http";
import type { ForwardedLabeler, ForwardedLabels } from "@weftmesh/router";
import * as z from "zod";

/** What an http server adds to the keys of every server. */
export interface HttpServerKeys {
  readonly addForwardedHeader?: ForwardedLabels | undefined;
  readonly timestampHeader?: string | undefined;
  readonly maxCallDepth: number;
}

/** What an http router adds to the keys of every router. */
export interface HttpRouterKeys {
  readonly identifier: readonly Chosen<"identifier">[];
  readonly streamAfterContentLengthKB: number;
  readonly maxHeadersKB: number;
  readonly maxInitialLineKB: number;
  readonly maxErrResponseKB: number;
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

const HeaderNameType = () =>
  textOf(
    (text) => {
      headerName(text);
      return text;
    },
    "the name of a header",
    "x-received-ms",
  );

const rollPolicyText = /^(never|hourly|daily|sighup|weekly\([1-7]\)|\d+(\.[a-z]+)?)$/;
const rollPolicy = () =>
  TextType.refine((text) => rollPolicyText.test(text)).meta({
    expects: "never, hourly, daily, weekly(1) to weekly(7), sighup, or a size such as 10.megabytes",
  });

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
      streamingEnabled: unsupported("router.streamingEnabled", Flag)
        .optional()
        .describe("Pass bodies on as they come; the only way there is here"),
      compressionLevel: unsupported("router.compressionLevel", z.int().min(-1).max(9))
        .optional()
        .describe("How hard responses are compressed"),
      httpAccessLog: unsupported("router.httpAccessLog", TextType).optional().describe("File of the access log"),
      httpAccessLogRollPolicy: unsupported("router.httpAccessLogRollPolicy", rollPolicy())
        .optional()
        .describe("When the access log begins a new file"),
      httpAccessLogAppend: unsupported("router.httpAccessLogAppend", Flag)
        .optional()
        .describe("Go on with the access log that is there"),
      httpAccessLogRotateCount: unsupported("router.httpAccessLogRotateCount", z.int().min(-1))
        .optional()
        .describe("Files of the access log that are kept; -1 keeps all"),
      tracePropagator: unsupported(
        "router.tracePropagator",
        z.strictObject({ kind: oneOf("io.l5d.default", "io.l5d.zipkin").describe("Which headers carry the trace") }),
      )
        .optional()
        .describe("Which headers carry the trace"),
    },
    server: {
      addForwardedHeader: forwarded().optional().describe("Append to Forwarded who asked and through whom"),
      timestampHeader: HeaderNameType().optional().describe("Header that is given the time of receipt in ms"),
      maxCallDepth: Count.default(1000).describe("Proxies that may stand in Via"),
    },
    client: httpClientKeys(),
    service: {},
  }) as unknown as z.ZodType<HttpConfig>;
}
