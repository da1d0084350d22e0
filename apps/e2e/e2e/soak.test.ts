import { describe, expect, it } from "vitest";
import { slopeOf } from "../src/least-squares.ts";
import { soak } from "../src/soak.ts";

const seconds = Number(process.env["WEFT_SOAK_SECONDS"] ?? 40);

describe("a soak", () => {
  it(
    "I13: of mixed traffic fails no request and leaves the heap level",
    async () => {
      expect(slopeOf([0, 1, 2, 3].map((x) => ({ x, y: 5 + 3 * x })))).toBeCloseTo(3);
      const result = await soak({ seconds, perSecond: 300, warmUpSeconds: seconds / 3, sampleEveryMs: 1000 });
      process.stdout.write(
        `I13: ${result.requests} requests, heap ${result.heapMbPerMinute.toFixed(2)} MB a minute over ${result.samples.length} samples\n`,
      );
      expect([result.failures, result.firstFailure]).toEqual([0, undefined]);
      expect(result.leftConnections).toBe(0);
      expect(result.samples.length).toBeGreaterThan(seconds / 3);
      // A leak of 100 bytes a request would be 1.8 MB a minute; noise of a short run on a busy machine is less than this.
      expect(result.heapMbPerMinute).toBeLessThan(3);
    },
    (seconds + 90) * 1000,
  );
});
