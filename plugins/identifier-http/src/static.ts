import { definePlugin, type Plugin } from "@weftmesh/config";
import { DstPrefixParam, identified, Path } from "@weftmesh/naming";
import * as z from "zod";

const schema = z.strictObject({
  path: z
    .string()
    .transform((text, ctx) => {
      try {
        return Path.read(text);
      } catch (error) {
        ctx.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
        return z.NEVER;
      }
    })
    .describe("The name of every request, below the router's dstPrefix"),
});
interface Config {
  readonly path: Path;
}

export const staticIdentifier: Plugin<"identifier", Config> = definePlugin({
  type: "identifier",
  kind: "io.l5d.static",
  schema,
  make: (config, params) => {
    const always = identified(params.get(DstPrefixParam).concat(config.path));
    return { identify: () => always };
  },
});
