import { integer, TextType, textOf } from "@weftmesh/config";
import { isHostName, readIp } from "@weftmesh/naming";
import * as z from "zod";

/** One address of a service, as the config has it. */
export interface StaticEndpoint {
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  /** What Linkerd 2 says of an address where a proxy takes HTTP/1 over HTTP/2. */
  readonly protocolHint?: "h2" | undefined;
}

const portSchema = integer(1, 65_535, "a port: an integer from 1 to 65535", 8080);

const textEndpoint = textOf(readEndpoint, "host:port, with brackets around an IPv6 address", "127.0.0.1:8080");

const objectEndpoint = z.strictObject({
  host: TextType.refine(isHost, { message: "is neither an address nor a host name" }).describe(
    "An IPv4 or IPv6 address, or a host name, which is resolved again and again",
  ),
  port: portSchema.describe("The port"),
  weight: z.number().positive().default(1).describe("Its share of the requests beside that of the others"),
  protocolHint: z
    .literal("h2")
    .optional()
    .describe("A proxy is there that takes HTTP/1.1 over HTTP/2, as this one and Linkerd 2's do: requests go upgraded"),
});

export const endpointSchema: z.ZodType<StaticEndpoint> = z.union([textEndpoint, objectEndpoint]);

function readEndpoint(text: string): StaticEndpoint {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? "";
  const port = Number(digits);
  const known = isHost(bracketed === undefined ? host : `[${host}]`);
  if (!known || !(port >= 1 && port <= 65_535)) throw new Error(`${JSON.stringify(text)} is not host:port`);
  return { host, port, weight: 1 };
}

function isHost(text: string): boolean {
  return readIp(text) !== undefined || isHostName(text);
}
