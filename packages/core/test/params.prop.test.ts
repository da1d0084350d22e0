import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Param, Params, param } from "../src/index.ts";

const keys: readonly Param<number | undefined>[] = ["a", "b", "c", "a"].map((name, i) =>
  param<number | undefined>(name, -i),
);

type Entries = readonly (readonly [number, number | undefined])[];
const arbEntries: fc.Arbitrary<Entries> = fc.array(
  fc.tuple(fc.nat({ max: keys.length - 1 }), fc.option(fc.nat(), { nil: undefined })),
);

function paramsOf(entries: Entries): Params {
  return entries.reduce(
    (params, [key, value]) => params.with(keys[key] as Param<number | undefined>, value),
    Params.empty,
  );
}

describe("Params", () => {
  it("agree with a map by identity: last write wins, only what was set is there, the rest has its default", () => {
    fc.assert(
      fc.property(arbEntries, fc.option(fc.nat({ max: keys.length - 1 }), { nil: undefined }), (entries, gone) => {
        const model = new Map<Param<number | undefined>, number | undefined>();
        for (const [key, value] of entries) model.set(keys[key] as Param<number | undefined>, value);
        let params = paramsOf(entries);
        if (gone !== undefined) {
          model.delete(keys[gone] as Param<number | undefined>);
          params = params.without(keys[gone] as Param<number | undefined>);
        }
        for (const key of keys) {
          expect(params.has(key)).toBe(model.has(key));
          expect(params.get(key)).toBe(model.has(key) ? model.get(key) : key.default);
        }
        expect(new Map(params)).toEqual(model);
        expect(params.pick({ first: keys[0] as Param<number>, last: keys[3] as Param<number> })).toEqual({
          first: params.get(keys[0] as Param<number>),
          last: params.get(keys[3] as Param<number>),
        });
      }),
    );
  });

  it("merge with the right side counting, associatively, with the empty one as unit", () => {
    fc.assert(
      fc.property(arbEntries, arbEntries, arbEntries, (x, y, z) => {
        const [a, b, c] = [paramsOf(x), paramsOf(y), paramsOf(z)];
        expect(new Map(a.merge(b))).toEqual(new Map(paramsOf([...x, ...y])));
        expect(new Map(a.merge(b).merge(c))).toEqual(new Map(a.merge(b.merge(c))));
        expect(new Map(a.merge(Params.empty))).toEqual(new Map(a));
        expect(new Map(Params.empty.merge(a))).toEqual(new Map(a));
      }),
    );
  });

  it("never change", () => {
    fc.assert(
      fc.property(arbEntries, arbEntries, (x, y) => {
        const a = paramsOf(x);
        const before = [...a];
        paramsOf(y).merge(a);
        a.merge(paramsOf(y));
        a.without(keys[0] as Param<number | undefined>);
        expect([...a]).toEqual(before);
      }),
    );
  });

  it("give each parameter its own type", () => {
    const Name = param("name", "x");
    const Size = param("size", 1);
    const { name, size } = Params.empty.with(Size, 2).pick({ name: Name, size: Size });
    // The two assignments are the test: they do not compile when a type is lost.
    const typed: [string, number] = [name, size];
    expect(typed).toEqual(["x", 2]);
    // @ts-expect-error a number is no name
    expect(Params.empty.with(Name, 2).get(Name)).toBe(2);
  });
});
