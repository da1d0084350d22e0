import { ManualClock } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newSystemHostResolver } from "../src/index.ts";
import { FakeDns, HostWatch } from "./fake-dns.ts";

describe("the system's host resolver", () => {
  it("is asked by one question at a time, keeps a timer only while observed, and ends clean", async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant("open" as const), host: fc.constantFrom("a", "b") }),
      fc.record({ do: fc.constant("close" as const), nth: fc.nat(5) }),
      fc.record({ do: fc.constant("answer" as const), ips: fc.subarray(["10.0.0.1", "10.0.0.2"]) }),
      fc.record({ do: fc.constant("fail" as const), code: fc.constantFrom("ENOTFOUND", "EAI_AGAIN") }),
      fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 4_999, 5_000, 60_000) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const time = new ManualClock();
        const names = new FakeDns();
        const subject = newSystemHostResolver({ clock: time, lookup: names.lookup, maxConcurrent: 3 });
        const open: { host: string; watch: HostWatch }[] = [];
        for (const each of steps) {
          if (each.do === "open") open.push({ host: each.host, watch: new HostWatch(subject.resolve(each.host)) });
          else if (each.do === "close") open.splice(each.nth, 1)[0]?.watch.close();
          else if (each.do === "answer") names.answer(...each.ips);
          else if (each.do === "fail") names.fail(each.code);
          else await time.advance(each.ms);
          expect(time.armed).toBeLessThanOrEqual(new Set(open.map(({ host }) => host)).size);
          for (const host of ["a", "b"]) {
            const seen = new Set(open.filter((o) => o.host === host).map((o) => JSON.stringify(o.watch.last)));
            expect(seen.size).toBeLessThanOrEqual(1);
          }
        }
        for (const { watch } of open) watch.close();
        expect(time.armed).toBe(0);
        while (names.asked.length > 0) names.answer("10.0.0.1");
        expect(time.armed).toBe(0);
      }),
    );
  });
});
