import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dropSegments, pathSegments } from "../src/request-path.ts";

const segment = fc.stringMatching(/^[a-z%.;]{1,4}$/);
const suffix = fc.oneof(fc.constant(""), fc.stringMatching(/^\?[a-z/?=]{0,5}$/), fc.stringMatching(/^#[a-z/]{0,3}$/));

describe("the elements of a request's path", () => {
  it("are what stands between the slashes, whatever the query holds", () => {
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 5 }), fc.boolean(), suffix, (segments, slash, rest) => {
        const target = `/${segments.join("/")}${slash && segments.length > 0 ? "/" : ""}${rest}`;
        expect(pathSegments(target)).toEqual(segments);
      }),
    );
  });

  it("leave a target with the others and everything behind them when the first are dropped", () => {
    fc.assert(
      fc.property(
        fc.array(segment, { maxLength: 5 }),
        fc.nat(5),
        fc.boolean(),
        suffix,
        (segments, count, slash, rest) => {
          const trailing = slash && segments.length > 0 ? "/" : "";
          const target = `/${segments.join("/")}${trailing}${rest}`;
          const dropped = dropSegments(target, Math.min(count, segments.length));
          expect(dropped.startsWith("/")).toBe(true);
          expect(pathSegments(dropped)).toEqual(segments.slice(count));
          expect(dropped.endsWith(rest)).toBe(true);
        },
      ),
    );
  });
});
