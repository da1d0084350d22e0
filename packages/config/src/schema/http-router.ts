import * as z from "zod";
import { bodiesByKind, kindSchema } from "../kind-schema.ts";
import { Count, Flag, integer, oneOf, TextType, textOf } from "../types.ts";

/** How one end of a connection is named in `Forwarded` (RFC 7239 section 6). */
export type ForwardedLabelerConfig =
  | { readonly kind: "ip" | "ip:port" | "connectionRandom" | "requestRandom" | "router" }
  | { readonly kind: "static"; readonly label: string };

/** Keys of a server that http and h2 add. */
export interface HttpServerConfig {
  readonly addForwardedHeader?:
    | { readonly by: ForwardedLabelerConfig; readonly for: ForwardedLabelerConfig }
    | undefined;
  readonly maxCallDepth: number;
  readonly clearForwarded: boolean;
  readonly allowUnderscoresInHeaders: boolean;
  readonly interimResponses: InterimResponses;
}

/** Which clients hear of interim responses. */
export type InterimResponses = "all" | "h2" | "none";

const empty = (): z.ZodType => z.strictObject({});

function labeler(): z.ZodType<ForwardedLabelerConfig> {
  return kindSchema<ForwardedLabelerConfig>({
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
    build: (kind, _common, own) => ({ kind, ...(own as object) }) as ForwardedLabelerConfig,
  });
}

const forwarded = () =>
  z.strictObject({
    by: labeler().prefault({ kind: "requestRandom" }).describe("How this end of the connection is named"),
    for: labeler().prefault({ kind: "requestRandom" }).describe("How the other end of the connection is named"),
  });

export function httpServerKeys(): { readonly [K in keyof HttpServerConfig]-?: z.ZodType<HttpServerConfig[K]> } {
  return {
    addForwardedHeader: forwarded().optional().describe("Append to Forwarded who asked and through whom"),
    maxCallDepth: Count.default(1000).describe("Proxies that may stand in Via"),
    clearForwarded: Flag.default(false).describe(
      "Drop Forwarded, X-Forwarded-* and their like from requests (not in Linkerd)",
    ),
    allowUnderscoresInHeaders: Flag.default(true).describe(
      "Take header names with a _, which applications may confuse with a - (not in Linkerd)",
    ),
    interimResponses: oneOf("all", "h2", "none")
      .default("all")
      .describe(
        "Who is passed interim responses such as 103: all clients but those of HTTP/1.0, those of HTTP/2, or none (not in Linkerd)",
      ),
  };
}

/** Whose headers carry the trace. */
export interface TracePropagatorConfig {
  readonly kind: "io.l5d.default" | "io.l5d.zipkin";
}

export function tracePropagatorSchema(): z.ZodType<TracePropagatorConfig> {
  return z
    .strictObject({ kind: oneOf("io.l5d.default", "io.l5d.zipkin").describe("Whose headers these are") })
    .default({ kind: "io.l5d.default" })
    .describe("Which headers carry the trace");
}

/** The access log of a router: `httpAccessLog` and its like, or `h2AccessLog`. */
export interface AccessLogConfig {
  /** None is written when absent. */
  readonly path?: string | undefined;
  readonly rollPolicy: string;
  readonly append: boolean;
  readonly rotateCount: number;
  readonly format: "line" | "json";
}

/**
 * The keys of an access log. `readPolicy` throws for what is no policy: it is checked here, and read again by whoever opens
 * the log, since a config is shown as it was written.
 */
export function accessLogSchemas(readPolicy: (text: string) => unknown): {
  readonly [K in keyof AccessLogConfig]-?: z.ZodType<AccessLogConfig[K]>;
} {
  const policy = textOf(
    (text) => {
      readPolicy(text);
      return text;
    },
    "never, hourly, daily, weekly(1) to weekly(7), sighup, or a size such as 10.megabytes",
    "daily",
  );
  return {
    path: TextType.optional().describe("File of the access log; none is written when absent"),
    rollPolicy: policy.default("never").describe("When the access log begins a new file"),
    append: Flag.default(true).describe("Go on with the access log that is there"),
    rotateCount: integer(-1, 2_147_483_647, "an integer from -1", 10)
      .default(-1)
      .describe("Files of the access log that are kept beside the present one; -1 keeps all"),
    format: oneOf("line", "json").default("line").describe("Linkerd's line, or JSON with more in it (not in Linkerd)"),
  };
}
