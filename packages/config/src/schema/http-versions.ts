import * as z from "zod";
import { fallsBackTo, oneOf } from "../types.ts";

/** A version of HTTP, as a config names it. */
export type HttpVersionName = "http1" | "h2";
/** What a server takes; `h2cUpgrade` is HTTP/2 by `Upgrade` from HTTP/1.1, where there is no TLS. */
export type ServerProtocolName = HttpVersionName | "h2cUpgrade";

/** What a client speaks; `upgrade` is HTTP/2 to another proxy, at whose other side HTTP/1.1 is HTTP/1.1 again. */
export type ClientProtocolName = HttpVersionName | "upgrade";

/** Keys of a server that may speak both versions. */
export interface ServerVersionsConfig {
  readonly protocols: readonly ServerProtocolName[];
}

/** Keys of a client that may speak either version. */
export interface ClientVersionConfig {
  readonly protocol?: ClientProtocolName | undefined;
}

/** The keys of a server whose protocol is `own`: what Linkerd takes there, unless something else is said. */
export function serverVersionsKeys(own: HttpVersionName): {
  readonly [K in keyof ServerVersionsConfig]-?: z.ZodType<ServerVersionsConfig[K]>;
} {
  const byDefault: ServerProtocolName[] = own === "http1" ? ["http1"] : ["h2", "h2cUpgrade"];
  return {
    protocols: z
      .array(oneOf("http1", "h2", "h2cUpgrade"))
      .meta({ expects: "a list of http1, h2 and h2cUpgrade" })
      .refine((names) => names.some((name) => name !== "h2cUpgrade"), { message: "protocols must have http1 or h2" })
      .refine((names) => new Set(names).size === names.length, { message: "protocols must not have one of them twice" })
      .refine((names) => names.includes("h2") || !names.includes("h2cUpgrade"), {
        message: "protocols must have h2 for h2cUpgrade to lead there",
      })
      .default(byDefault)
      .describe(
        "What is spoken on the port: http1, h2, or both; h2cUpgrade lets HTTP/1.1 go over to h2 without TLS (not in Linkerd)",
      ),
  };
}

/** The keys of a client of a router whose protocol is `own`. */
export function clientVersionKeys(own: HttpVersionName): {
  readonly [K in keyof ClientVersionConfig]-?: z.ZodType<ClientVersionConfig[K]>;
} {
  return {
    protocol: fallsBackTo(oneOf("http1", "h2", "upgrade"), own).describe(
      "What is spoken to the destination, whatever the caller speaks: http1 or h2; or upgrade, for a destination that is a proxy of this kind or of Linkerd 2's: HTTP/1.1 goes there over one connection of HTTP/2, and is HTTP/1.1 again behind it (not in Linkerd)",
    ),
  };
}
