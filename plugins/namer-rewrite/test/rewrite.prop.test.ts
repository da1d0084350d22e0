import { Params } from "@weftmesh/core";
import { Path, PathMatcher, showWith } from "@weftmesh/naming";
import { arbPath } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rewriteNamer } from "../src/index.ts";

describe("io.l5d.rewrite", () => {
  it("turns the segments of any name around as the template says, and drops the rest", () => {
    fc.assert(
      fc.property(arbPath({ maxSize: 4 }), arbPath({ maxSize: 2 }), (path, rest) => {
        fc.pre(path.size > 0);
        const names = path.elems.map((_, i) => `/{n${i}}`);
        const pattern = PathMatcher.read(names.join(""));
        const config = { prefix: Path.of("r"), pattern, name: [...names].reverse().join("") };
        const state = rewriteNamer.make(config, Params.empty).namer.lookup(path.concat(rest)).sample();
        const shown = state.state === "ok" ? showWith(state.value, (value) => (value as Path).show) : state.state;
        expect(shown).toBe(Path.from([...path.elems].reverse()).show);
      }),
    );
  });

  it("gives a path, Neg or a failure for any name, and never throws", () => {
    const config = { prefix: Path.of("r"), pattern: PathMatcher.read("/{a}.{b}"), name: "/{b}/{a}" };
    const { namer } = rewriteNamer.make(config, Params.empty);
    fc.assert(
      fc.property(arbPath(), (path) => {
        const { state } = namer.lookup(path).sample();
        const text = /^(.*)\.(.*)$/.exec(path.elems[0] === undefined ? "" : path.take(1).show.slice(1));
        const spoilt = text !== null && (text[1] === "" || text[2] === "");
        // `/{b}/` with nothing for `a` ends in a slash; with nothing for `b` it begins with two.
        expect(state).toBe(spoilt ? "failed" : "ok");
      }),
    );
  });
});
