import type { Member } from "./workspace.ts";

/** Packages of a layer that has an order, lowest first; those that share a place, or are not named, do not see each other. */
const orderOfLayer: Readonly<Record<number, readonly (readonly string[])[]>> = {
  3: [["wire"], ["transport-http1", "transport-http2"]],
  4: [["router"], ["admin"], ["proxy", "simulator"]],
};

/** Outside libraries that each package may have; a package that is not named takes those of its layer. */
const librariesOf: Readonly<Record<string, readonly string[]>> = {
  "packages/config": ["yaml", "zod"],
  // Its services are made of descriptors, which reflection serves as well.
  "packages/grpc": ["@bufbuild/protobuf", "@grpc/grpc-js"],
  "packages/mesh-api": ["@bufbuild/protobuf"],
  "packages/testkit": ["@peculiar/x509", "fast-check", "reflect-metadata", "vitest"],
  "plugins/telemeter-prometheus": ["prom-client", "zod"],
};
const librariesOfLayer: Readonly<Record<number, readonly string[]>> = {
  0: ["rxjs"],
  1: [],
  2: [],
  3: [],
  4: [],
  5: ["undici", "zod"],
};

export function layerOf(member: Member): number | undefined {
  return member.manifest.weftmesh?.layer;
}

export function isTestkit(member: Member): boolean {
  return member.dir === "packages/testkit";
}

/** Why `from` may not depend on `to`; undefined when it may. `inTests` also lets it see the testkit. */
export function whyNot(from: Member, to: Member, inTests: boolean): string | undefined {
  const [below, above] = [layerOf(to) ?? 0, layerOf(from) ?? 0];
  if (to.group === "apps") return "an app is run, not imported";
  if (isTestkit(to)) return inTests ? undefined : "the testkit is for tests only";
  if (from.group === "apps") return undefined;
  if (from.group === "packages") {
    if (to.group === "plugins") return "a package sees no plugin";
    if (isTestkit(from)) return below <= 1 ? undefined : "the testkit sees layers 0 and 1";
    if (below < above) return undefined;
    if (below === above && placeInLayer(to) < placeInLayer(from)) return undefined;
    return `layer ${above} sees lower layers only, and this is layer ${below}`;
  }
  if (to.group === "plugins") return from.short === "standard" ? undefined : "a plugin sees no other plugin";
  if (below <= 2 || from.short.startsWith("protocol-")) return undefined;
  return `a plugin sees layers 0 to 2, and this is layer ${below}`;
}

/** What is not named stands above what is. */
function placeInLayer(member: Member): number {
  const order = orderOfLayer[layerOf(member) ?? 0] ?? [];
  const place = order.findIndex((shorts) => shorts.includes(member.short));
  return place === -1 ? order.length : place;
}

/** Outside libraries that a package may have at run time; undefined for any. */
export function librariesFor(member: Member): readonly string[] | undefined {
  if (member.group === "apps") return undefined;
  return librariesOf[member.dir] ?? librariesOfLayer[layerOf(member) ?? 0] ?? [];
}
