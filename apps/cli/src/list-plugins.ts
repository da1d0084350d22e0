import type { AnyPlugin } from "@weftmesh/config";
import type { Streams } from "./program.ts";
import { table } from "./table.ts";

/** `weft plugins`: what this build is made of. */
export function listPlugins(plugins: readonly AnyPlugin[], json: boolean, streams: Streams): void {
  const rows = plugins.map(({ type, kind, experimental }) => ({
    type: String(type),
    kind,
    experimental: experimental === true,
  }));
  if (json) streams.out(`${JSON.stringify(rows, null, 2)}\n`);
  else {
    const cells = rows.map((row) => [row.type, row.kind, row.experimental ? "experimental" : ""]);
    streams.out(table(["type", "kind", ""], cells));
  }
}
