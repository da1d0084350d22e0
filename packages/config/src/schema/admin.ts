import * as z from "zod";
import type { LinearRegex } from "../linear-regex.ts";
import { DurationMs, Flag, Port, PositiveCount, RegexType, ServerIp, textOf } from "../types.ts";
import { type SocketOptions, socketOptionsSchema } from "./socket-options.ts";
import { type ServerTls, serverTlsSchema } from "./tls.ts";

/** Which pages of the admin server answer. A blacklist wins over everything. */
export interface AdminSecurity {
  readonly uiEnabled: boolean;
  readonly controlEnabled: boolean;
  readonly diagnosticsEnabled: boolean;
  readonly pathWhitelist: readonly LinearRegex[];
  readonly pathBlacklist: readonly LinearRegex[];
  /** Names besides addresses and localhost by which the server may be asked; any where there are none. */
  readonly allowedHosts: readonly string[];
}

/** The admin server. */
export interface AdminConfig {
  readonly ip: string;
  readonly port: number;
  readonly socketOptions?: SocketOptions | undefined;
  readonly shutdownGraceMs: number;
  readonly workerThreads: number;
  readonly tls?: ServerTls | undefined;
  readonly httpIdentifierPort?: number | undefined;
  readonly security: AdminSecurity;
}

const HostNameType = textOf(
  (text) => {
    if (!/^[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$/i.test(text)) throw new Error("not a host name");
    return text.toLowerCase();
  },
  "a host name without a port",
  "admin.example",
);

const regexes = () => z.array(RegexType).meta({ expects: "a list of regular expressions" }).default([]);

const securitySchema = (): z.ZodType<AdminSecurity> =>
  z.strictObject({
    uiEnabled: Flag.default(true).describe("Pages for people"),
    controlEnabled: Flag.default(true).describe("What changes the process: shutdown, logging"),
    diagnosticsEnabled: Flag.default(true).describe("What tells of the process: metrics, config"),
    pathWhitelist: regexes().describe("Paths that answer whatever the flags say; each matches the whole path"),
    pathBlacklist: regexes().describe("Paths that never answer; each matches the whole path"),
    allowedHosts: z
      .array(HostNameType)
      .meta({ expects: "a list of host names" })
      .default([])
      .describe("Names by which the server may be asked, besides addresses and localhost (not in Linkerd)"),
  });

export function adminSchema(): z.ZodType<AdminConfig> {
  return z.strictObject({
    ip: ServerIp.prefault("127.0.0.1").describe("Address of the admin server"),
    port: Port.default(9990).describe("Port of the admin server"),
    socketOptions: socketOptionsSchema().optional().describe("How the listener and its sockets are set up"),
    shutdownGraceMs: DurationMs.default(10_000).describe("Longest time for requests to finish when the process ends"),
    workerThreads: PositiveCount.default(2).describe("Threads of the admin server in Linkerd; here it has none"),
    tls: serverTlsSchema().optional().describe("Serve admin over TLS"),
    httpIdentifierPort: Port.optional().describe("Port that answers with what the identifiers make of a request"),
    security: securitySchema().prefault({}).describe("Which pages answer"),
  });
}
