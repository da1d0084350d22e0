import { definePlugin, type Plugin } from "@weftmesh/config";
import { Activity, Var } from "@weftmesh/core";
import { address, type Bound, boundAddr, leaf, type Namer, type NameTree, Neg, Path } from "@weftmesh/naming";
import { z } from "zod";

const HostPort = z.strictObject({
  host: z.string().min(1).describe("IP address or host name"),
  port: z.int().min(1).max(65_535).describe("TCP port"),
});

export const HostsConfig = z.strictObject({
  prefix: z.string().default("/com.example.hosts").describe("The namer answers names under /# and this"),
  services: z.record(z.string(), z.array(HostPort)).describe("Endpoints by the name of the service"),
});
export type HostsConfig = z.output<typeof HostsConfig>;

/** Answers `/<service>` from a table that never changes; what follows the service is the residual. */
export function hostsNamer(config: HostsConfig): Namer {
  const idPrefix = Path.read("/#").concat(Path.read(config.prefix));
  const bound = new Map(
    Object.entries(config.services).map(([service, endpoints]) => {
      const id = idPrefix.concat(Path.utf8(service));
      const addr = Var.of(boundAddr(endpoints.map(({ host, port }) => address(host, port))));
      return [id.show, { id, addr }] as const;
    }),
  );
  return {
    lookup: (path): Activity<NameTree<Path | Bound>> => {
      const found = bound.get(idPrefix.concat(path.take(1)).show);
      return Activity.of(found === undefined ? Neg : leaf({ ...found, residual: path.drop(1) }));
    },
  };
}

export const hostsPlugin: Plugin<"namer", HostsConfig> = definePlugin({
  type: "namer",
  kind: "com.example.hosts",
  schema: HostsConfig,
  make: (config) => ({ prefix: Path.read(config.prefix), namer: hostsNamer(config) }),
});
