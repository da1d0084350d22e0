import { Var } from "@weftmesh/core";
import { arbPath, describeNamer } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { address, type HostAddresses, type Namer, Path, utilityNamers } from "../src/index.ts";

const utilities = utilityNamers({ resolve: () => Var.of<HostAddresses>({ kind: "neg" }) });

function named(name: string): Namer {
  return utilities.get(name) as Namer;
}

/** The path that a name becomes; `undefined` when it becomes none. */
function rewritten(name: string, path: Path): Path | undefined {
  const state = named(name).lookup(path).sample();
  const value = state.state === "ok" && state.value.kind === "leaf" ? state.value.value : undefined;
  return value instanceof Path ? value : undefined;
}

const label = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,8}$/);
const labels = fc.array(label, { minLength: 1, maxLength: 5 });

for (const [name, present, at] of [
  ["inet", "/127.0.0.1/8080", address("127.0.0.1", 8080)],
  ["inet", "/::1/1", address("::1", 1)],
  ["io.buoyant.rinet", "/8080/127.1", address("127.0.0.1", 8080)],
  ["io.buoyant.http.status", "/404", address("status.invalid", 0, 1, { "weft.status": 404 })],
] as const) {
  describeNamer(`/$/${name}${present}`, () => ({
    namer: named(name),
    idPrefix: Path.of("$", name),
    present: Path.read(present),
    addresses: [at],
    absent: Path.empty,
  }));
}

describe("the utility namers", () => {
  it("have an answer for any name, and what they bind has the whole of it in id and residual", () => {
    fc.assert(
      fc.property(fc.constantFrom(...utilities), arbPath(), ([name, namer], path) => {
        const state = namer.lookup(path).sample();
        expect(state.state).not.toBe("pending");
        if (state.state !== "ok" || state.value.kind !== "leaf" || state.value.value instanceof Path) return;
        const { id, residual } = state.value.value as { id: Path; residual: Path };
        expect(id.concat(residual).show).toBe(Path.of("$", name).concat(path).show);
      }),
      { numRuns: 2000 },
    );
  });

  it("turn a domain around", () => {
    fc.assert(
      fc.property(labels, arbPath(), (parts, rest) => {
        const once = rewritten("io.buoyant.http.domainToPath", Path.of(parts.join(".")).concat(rest));
        expect(once?.show).toBe(Path.from([...parts].reverse()).concat(rest).show);
      }),
    );
  });

  it("take a host and port apart, in either order", () => {
    fc.assert(
      fc.property(label, label, label, arbPath(), (prefix, host, port, rest) => {
        const path = Path.of(prefix, `${host}:${port}`).concat(rest);
        const split = rewritten("io.buoyant.hostportPfx", path);
        const swapped = rewritten("io.buoyant.porthostPfx", path);
        expect(split?.show).toBe(Path.of(prefix, host, port).concat(rest).show);
        expect(swapped?.show).toBe(Path.of(prefix, port, host).concat(rest).show);
      }),
    );
  });

  it("find the subdomain that was put before a domain, with a port or without, and none in the domain itself", () => {
    fc.assert(
      fc.property(labels, labels, fc.option(fc.nat(65_535)), arbPath(), (sub, domain, port, rest) => {
        const name = domain.join(".");
        const host = `${sub.join(".")}.${name}${port === null ? "" : `:${port}`}`;
        const found = rewritten("io.buoyant.http.subdomainOf", Path.of(name, host).concat(rest));
        expect(found?.show).toBe(Path.of(sub.join(".")).concat(rest).show);
        expect(rewritten("io.buoyant.http.subdomainOf", Path.of(name, name).concat(rest))).toBeUndefined();
      }),
    );
  });
});
