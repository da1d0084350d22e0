import { Params } from "@weftmesh/core";
import { type Bound, Path } from "@weftmesh/naming";
import { arbPath } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { type StaticNamerConfig, staticNamer } from "../src/index.ts";

const schema = staticNamer.schema as z.ZodType<StaticNamerConfig>;
/** Few labels, so that names stand below each other. */
const arbName = fc
  .array(fc.constantFrom("a", "b", "constructor", "/\x00"), { minLength: 1, maxLength: 4 })
  .map((elems) => Path.of(...elems));

describe("dev.weftmesh.static", () => {
  it("binds the longest of the names that a path begins with, whatever they are", () => {
    const arbNames = fc.array(
      fc.oneof(
        arbName,
        arbPath().filter((path) => !path.isEmpty),
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(arbNames, fc.array(fc.nat(4)), fc.oneof(arbName, arbPath()), (others, sizes, path) => {
        // Beginnings of the path among the names, in any order.
        const listed = [...others, ...sizes.map((n) => path.take(n)).filter((name) => !name.isEmpty)];
        const names = Object.fromEntries(listed.map((name) => [name.show, []]));
        const { namer } = staticNamer.make(schema.parse({ prefix: "/fixed", names }), Params.empty);
        const longest = listed.filter((name) => path.startsWith(name)).sort((a, b) => b.size - a.size)[0];
        const state = namer.lookup(path).sample();
        if (longest === undefined) expect(state).toMatchObject({ value: { kind: "neg" } });
        else {
          expect(state).toMatchObject({ state: "ok", value: { kind: "leaf" } });
          const { id, residual } = (state as { value: { value: Bound } }).value.value;
          expect(id.show).toBe(Path.read("/#/fixed").concat(longest).show);
          expect(residual.show).toBe(path.drop(longest.size).show);
        }
      }),
      { numRuns: 500 },
    );
  });
});
