import { definePlugin, PathType, type Plugin } from "@weftmesh/config";
import { Activity } from "@weftmesh/core";
import { type Bound, HostResolverParam, leaf, type Namer, type NameTree, Neg, Path } from "@weftmesh/naming";
import * as z from "zod";
import { addrOf } from "./addr-of.ts";
import { endpointSchema, type StaticEndpoint } from "./endpoint.ts";

const kind = "dev.weftmesh.static";

export interface StaticNamerConfig {
  readonly prefix: Path;
  readonly names: ReadonlyMap<Path, readonly StaticEndpoint[]>;
}

const schema: z.ZodType<StaticNamerConfig> = z.strictObject({
  prefix: PathType.default(() => Path.of(kind)).describe("The namer answers names under /# and this prefix"),
  names: z
    .record(z.string(), z.array(endpointSchema))
    .transform((record, ctx): StaticNamerConfig["names"] => {
      const names = new Map<Path, readonly StaticEndpoint[]>();
      for (const [text, endpoints] of Object.entries(record)) {
        const name = readName(text);
        if (name === undefined) {
          const message = `${JSON.stringify(text)} is no name: one or more labels with a slash between them`;
          ctx.issues.push({ code: "custom", input: text, path: [text], message });
        } else names.set(name, endpoints);
      }
      return names;
    })
    .describe('Addresses by name: web: ["127.0.0.1:8080"], or objects with host, port, weight and protocolHint'),
});

/**
 * The `dev.weftmesh.static` namer: addresses that stand in the config itself. Our own addition; Linkerd needs
 * `/$/inet` or files for that.
 *
 * Of several names the longest that fits is bound, and the rest is the residual. A name with no addresses is bound to
 * nobody; one that is not there is Neg.
 */
export const staticNamer: Plugin<"namer", StaticNamerConfig> = definePlugin({
  type: "namer",
  kind,
  schema,
  make: ({ prefix, names }, params) => {
    const resolver = params.get(HostResolverParam);
    const idPrefix = Path.of("#").concat(prefix);
    const found = new Map<string, Pick<Bound, "id" | "addr">>();
    let longest = 0;
    for (const [name, endpoints] of names) {
      longest = Math.max(longest, name.size);
      found.set(name.show, { id: idPrefix.concat(name), addr: addrOf(endpoints, resolver) });
    }
    return {
      prefix,
      namer: lookingUp((path) => {
        for (let size = Math.min(longest, path.size); size > 0; size--) {
          const bound = found.get(path.take(size).show);
          if (bound !== undefined) return { ...bound, residual: path.drop(size) };
        }
        return undefined;
      }),
      enumerate: () => Activity.of([...names.keys()].map((name) => idPrefix.concat(name))),
    };
  },
});

const neg: Activity<NameTree<Path | Bound>> = Activity.of<NameTree<Path | Bound>>(Neg);

function lookingUp(find: (path: Path) => Bound | undefined): Namer {
  return {
    lookup: (path) => {
      const bound = find(path);
      return bound === undefined ? neg : Activity.of<NameTree<Path | Bound>>(leaf(bound));
    },
  };
}

function readName(text: string): Path | undefined {
  try {
    const name = Path.read(text.startsWith("/") ? text : `/${text}`);
    return name.isEmpty ? undefined : name;
  } catch {
    return undefined;
  }
}
