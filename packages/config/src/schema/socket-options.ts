import * as z from "zod";
import { Count, DurationMs, Flag } from "../types.ts";

/** How sockets are set up: the listeners of servers and admin, and the connections of clients. */
export interface SocketOptions {
  readonly noDelay: boolean;
  readonly reuseAddr: boolean;
  readonly reusePort: boolean;
  readonly writeTimeoutMs?: number | undefined;
  readonly readTimeoutMs?: number | undefined;
  readonly keepAlive?: boolean | undefined;
  readonly backlog?: number | undefined;
}

export function socketOptionsSchema(): z.ZodType<SocketOptions> {
  return z.strictObject({
    noDelay: Flag.default(true).describe("Send small writes at once (TCP_NODELAY)"),
    reuseAddr: Flag.default(true).describe("Listen on an address whose last connections are still closing"),
    reusePort: Flag.default(false).describe("Share the port with other processes (SO_REUSEPORT)"),
    writeTimeoutMs: DurationMs.optional().describe("Close a connection whose write does not get on for this long"),
    readTimeoutMs: DurationMs.optional().describe("Close a connection on which nothing arrives for this long"),
    keepAlive: Flag.optional().describe("Send TCP keep-alive probes; the system decides when absent"),
    backlog: Count.optional().describe("Connections that may wait to be accepted; the system decides when absent"),
  });
}
