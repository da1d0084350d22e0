import { integer, TextType } from "@weftmesh/config";
import { isHostName, readIp } from "@weftmesh/naming";
import { z } from "zod";

/** One address of a service, as the config has it. */
export interface StaticEndpoint {
  readonly host: string;
  readonly port: number;
  readonly weight: number;
}

const portSchema = integer(1, 65_535, "a port: an integer from 1 to 65535", 8080);

const textEndpoint = TextType.transform((text, ctx): StaticEndpoint => {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? "";
  const port = Number(digits);
  const valid = port >= 1 && port <= 65_535 && isHost(bracketed === undefined ? host : `[${host}]`);
  if (valid) return { host, port, weight: 1 };
  ctx.issues.push({ code: "custom", input: text, message: `${JSON.stringify(text)} is not host:port` });
  return z.NEVER;
}).describe("host:port, with brackets around an IPv6 address");

const objectEndpoint = z.strictObject({
  host: TextType.refine(isHost, { message: "is neither an address nor a host name" }).describe(
    "An IPv4 or IPv6 address, or a host name, which is resolved again and again",
  ),
  port: portSchema.describe("The port"),
  weight: z.number().positive().default(1).describe("Its share of the requests beside that of the others"),
});

export const endpointSchema: z.ZodType<StaticEndpoint> = z.union([textEndpoint, objectEndpoint]);

function isHost(text: string): boolean {
  return readIp(text) !== undefined || isHostName(text);
}
