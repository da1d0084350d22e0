import { type AnyPlugin, configJsonSchema, Registry } from "@weftmesh/config";
import { defaultInterpreter } from "@weftmesh/proxy";
import type { Streams } from "./program.ts";

/** `weft schema`: the JSON Schema of a config for the plugins of this build. */
export function schema(plugins: readonly AnyPlugin[], streams: Streams): number {
  const registry = Registry.of([...plugins, defaultInterpreter]);
  streams.out(`${JSON.stringify(configJsonSchema(registry), null, 2)}\n`);
  return 0;
}
