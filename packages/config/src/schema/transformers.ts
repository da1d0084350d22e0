import type { Path } from "@weftmesh/naming";
import * as z from "zod";
import { bodiesByKind, kindSchema } from "../kind-schema.ts";
import { Flag, PathType, Port, ServerIp, TextType } from "../types.ts";

/** A change to what a namer or an interpreter has bound. */
export interface Transformer {
  readonly kind: string;
  readonly prefix?: Path | undefined;
  readonly config: unknown;
}

const hostNetwork = (): z.ZodType<boolean> => Flag.default(false).describe("Pods share the network of their node");
const bodies = {
  "io.l5d.localhost": () => z.strictObject({}),
  "io.l5d.specificHost": () => z.strictObject({ host: ServerIp.describe("Endpoints with this address are kept") }),
  "io.l5d.port": () => z.strictObject({ port: Port.describe("Port that every endpoint gets") }),
  "io.l5d.k8s.daemonset": () =>
    z.strictObject({
      k8sHost: TextType.default("localhost").describe("Host of the Kubernetes API"),
      k8sPort: Port.default(8001).describe("Port of the Kubernetes API"),
      namespace: TextType.describe("Namespace of the daemonset's service"),
      service: TextType.describe("The daemonset's service"),
      port: TextType.describe("Name of the port of that service"),
      hostNetwork: hostNetwork(),
    }),
  "io.l5d.k8s.localnode": () => z.strictObject({ hostNetwork: hostNetwork() }),
  "io.l5d.replace": () => z.strictObject({ path: PathType.describe("Bound in place of every leaf") }),
  "io.l5d.const": () => z.strictObject({ path: PathType.describe("Bound in place of the whole tree") }),
};

export function transformersSchema(): z.ZodType<readonly Transformer[]> {
  return z
    .array(
      kindSchema<Transformer>({
        noun: "transformer",
        plural: "transformers",
        discriminator: "kind",
        common: { prefix: PathType.optional().describe("Stands under /% before the names that were changed") },
        ...bodiesByKind(bodies),
        build: (kind, common, config) => ({ kind, ...common, config }) as Transformer,
      }),
    )
    .meta({ description: "Changes to what was bound, in their order", expects: "a list of transformers" });
}
