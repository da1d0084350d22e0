import * as z from "zod";
import { DurationMs, Flag, TextType } from "../types.ts";

/** What clients of a router may make tunnels of their connections for. */
export interface TunnelsConfig {
  readonly connect: boolean;
  /** Protocols in lower case. */
  readonly upgrade: readonly string[];
  readonly idleTimeMs: number;
  readonly lifeTimeMs?: number | undefined;
}

const hourMs = 3_600_000;
const protocolText = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:\/[!#$%&'*+\-.^_`|~0-9A-Za-z]+)?$/;

const protocol = (): z.ZodType<string> =>
  TextType.refine((text) => protocolText.test(text) && text.toLowerCase() !== "h2c")
    .transform((text) => text.toLowerCase())
    .meta({ expects: "a protocol such as websocket, and not h2c", examples: ["websocket"] }) as never;

export function tunnelsSchema(): z.ZodType<TunnelsConfig> {
  return z.strictObject({
    connect: Flag.default(false).describe(
      "Serve CONNECT: a tunnel to the destination that its host and port are bound to",
    ),
    upgrade: z
      .array(protocol())
      .default([])
      .describe("Protocols that Upgrade may ask for; any other is dropped from the request")
      .meta({ expects: "a list of protocols such as websocket" }),
    idleTimeMs: DurationMs.default(hourMs).describe("Close a tunnel in which nothing moves for this long"),
    lifeTimeMs: DurationMs.optional().describe("Close a tunnel of this age; no limit when absent"),
  }) as never;
}
