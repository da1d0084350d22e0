import type { Path } from "@weftmesh/naming";
import * as z from "zod";
import { Count, DurationMs, Flag, PathType, Port, PositiveCount, ServerIp, TextType } from "../types.ts";
import { type ProfileName, profileSchema } from "./profile.ts";
import { type SessionLimits, sessionSchema } from "./session.ts";
import { type SlowClientsConfig, slowClientsSchema } from "./slow-clients.ts";
import { type SocketOptions, socketOptionsSchema } from "./socket-options.ts";
import { type ServerTls, serverTlsSchema } from "./tls.ts";
import { unsupported } from "./unsupported.ts";

/** A listener of a router: the keys that every protocol has. */
export interface ServerConfig {
  /** 0 asks the system for a free one. */
  readonly port: number;
  readonly ip: string;
  readonly label?: string | undefined;
  readonly tls?: ServerTls | undefined;
  readonly maxConcurrentRequests?: number | undefined;
  readonly maxConnections?: number | undefined;
  readonly timeoutMs?: number | undefined;
  readonly announce?: readonly Path[] | undefined;
  readonly clearContext: boolean;
  /** That of the router when absent. */
  readonly profile?: ProfileName | undefined;
  readonly serverSession?: SessionLimits | undefined;
  readonly slowClients?: SlowClientsConfig | undefined;
  readonly socketOptions?: SocketOptions | undefined;
}

/** The keys of a server, beside those that the protocol adds. */
export function serverKeys(defaultPort: number): { readonly [K in keyof ServerConfig]-?: z.ZodType<ServerConfig[K]> } {
  return {
    port: Port.default(defaultPort).describe("Port to listen on; 0 takes a free one"),
    ip: ServerIp.prefault("127.0.0.1").describe("Address to listen on"),
    label: TextType.optional().describe("Name of the server; that of the router when absent"),
    tls: serverTlsSchema().optional().describe("Serve over TLS"),
    maxConcurrentRequests: Count.optional().describe("Requests at a time; one more is refused; no limit when absent"),
    maxConnections: PositiveCount.optional().describe(
      "Connections at a time; one more is closed at once; no limit when absent (not in Linkerd)",
    ),
    timeoutMs: DurationMs.optional().describe("Longest time for a whole request; no limit when absent"),
    announce: unsupported("server.announce", z.array(PathType).meta({ expects: "a list of paths" }))
      .optional()
      .describe("Names under which the server is announced"),
    clearContext: Flag.default(false).describe("Drop every l5d-* header of requests and responses"),
    profile: profileSchema().optional().describe("Defaults for an occasion; those of the router's profile when absent"),
    serverSession: sessionSchema().optional().describe("How long client connections may live"),
    slowClients: slowClientsSchema()
      .optional()
      .describe("How slow clients may be; the defaults of its keys when absent (not in Linkerd)"),
    socketOptions: socketOptionsSchema().optional().describe("How the listener and its sockets are set up"),
  };
}
