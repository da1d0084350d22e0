import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readWorkerCount, usableProcessors } from "../src/worker-count.ts";

describe("the number of workers", () => {
  it("is at least one, at most the processors, and enough to use up the quota", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 256 }), fc.integer({ min: 1, max: 10 ** 8 }), (processors, quota) => {
        const workers = usableProcessors(processors, `${quota} 100000\n`);
        expect(workers).toBeGreaterThanOrEqual(1);
        expect(workers).toBeLessThanOrEqual(processors);
        expect(workers * 100_000 >= quota || workers === processors).toBe(true);
        expect((workers - 1) * 100_000).toBeLessThan(quota);
      }),
    );
    expect(usableProcessors(4, "max 100000\n")).toBe(4);
    expect(usableProcessors(4, undefined)).toBe(4);
    expect(usableProcessors(4, "nonsense")).toBe(4);
    expect(usableProcessors(4, "0 0")).toBe(1);
  });

  it("is read from 1 to 1024, or auto, and from nothing else", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1024 }), (count) => {
        expect(readWorkerCount(String(count))).toBe(count);
      }),
    );
    expect(readWorkerCount("auto")).toBe("auto");
    for (const text of ["", "0", "-1", "1.5", "1025", "99999", "two", "Auto", " 2"]) {
      expect(readWorkerCount(text)).toBeUndefined();
    }
  });
});
