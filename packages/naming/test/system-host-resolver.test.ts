import type { Var } from "@weftmesh/core";
import { ManualClock } from "@weftmesh/testkit";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { type HostAddresses, type HostResolver, newSystemHostResolver } from "../src/index.ts";

type Done = (error: Error | null, ips: readonly string[]) => void;

/** A name service that answers when it is told to. */
class FakeDns {
  readonly asked: { host: string; done: Done }[] = [];
  readonly log: string[] = [];

  readonly lookup = (host: string, done: Done): void => {
    this.log.push(host);
    this.asked.push({ host, done });
  };

  answer(...ips: string[]): void {
    this.asked.shift()?.done(null, ips);
  }

  fail(code: string): void {
    this.asked.shift()?.done(Object.assign(new Error(`${code} web`), { code }), []);
  }
}

class Watch {
  readonly states: HostAddresses[] = [];
  readonly #subscription: { unsubscribe(): void };

  constructor(source: Var<HostAddresses>) {
    this.#subscription = source.changes.subscribe((state) => void this.states.push(state));
  }

  get last(): HostAddresses | undefined {
    return this.states.at(-1);
  }

  close(): void {
    this.#subscription.unsubscribe();
  }
}

let clock: ManualClock;
let dns: FakeDns;
let resolver: HostResolver;

beforeEach(() => {
  clock = new ManualClock();
  dns = new FakeDns();
  resolver = newSystemHostResolver({ clock, lookup: dns.lookup });
});

describe("the system's host resolver", () => {
  it("asks when somebody observes, not before, and once for all of them", () => {
    const web = resolver.resolve("web");
    expect(dns.log).toEqual([]);
    const watches = [new Watch(web), new Watch(web), new Watch(resolver.resolve("WEB"))];
    expect(dns.log).toEqual(["web"]);
    dns.answer("10.0.0.2", "10.0.0.1", "10.0.0.2");
    for (const watch of watches) {
      expect(watch.states).toEqual([{ kind: "pending" }, { kind: "found", ips: ["10.0.0.1", "10.0.0.2"] }]);
    }
  });

  it("needs no name service for literals, localhost and the empty host", () => {
    for (const [host, ip] of [
      ["", "127.0.0.1"],
      ["localhost", "127.0.0.1"],
      ["LOCALHOST.", "127.0.0.1"],
      ["127.1", "127.0.0.1"],
      ["::1", "::1"],
    ] as const) {
      expect(resolver.resolve(host).sample()).toEqual({ kind: "found", ips: [ip] });
    }
    expect(resolver.resolve("no host\0.example").sample()).toEqual({ kind: "neg" });
    expect(dns.log).toEqual([]);
  });

  it("asks again 60 s after a good answer, and tells only what is new", async () => {
    const watch = new Watch(resolver.resolve("web"));
    dns.answer("10.0.0.1", "10.0.0.2");
    await clock.advance(59_999);
    expect(dns.log).toHaveLength(1);
    await clock.advance(1);
    dns.answer("10.0.0.2", "10.0.0.1");
    expect(watch.states).toHaveLength(2);
    await clock.advance(60_000);
    dns.answer("10.0.0.3");
    expect(watch.last).toEqual({ kind: "found", ips: ["10.0.0.3"] });
  });

  it("takes a host for gone when it is told so, and asks again after 5 s", async () => {
    const watch = new Watch(resolver.resolve("web"));
    dns.answer("10.0.0.1");
    await clock.advance(60_000);
    dns.fail("ENOTFOUND");
    expect(watch.last).toEqual({ kind: "neg" });
    await clock.advance(5_000);
    dns.answer("10.0.0.9");
    expect(watch.last).toEqual({ kind: "found", ips: ["10.0.0.9"] });
  });

  it("keeps the last good answer through other failures", async () => {
    const watch = new Watch(resolver.resolve("web"));
    dns.answer("10.0.0.1");
    await clock.advance(60_000);
    dns.fail("EAI_AGAIN");
    await clock.advance(5_000);
    dns.fail("EAI_AGAIN");
    expect(watch.last).toEqual({ kind: "found", ips: ["10.0.0.1"] });
    expect(watch.states).toHaveLength(2);
  });

  it("fails when there never was an answer, and recovers", async () => {
    const watch = new Watch(resolver.resolve("web"));
    dns.fail("EAI_AGAIN");
    expect(watch.last).toMatchObject({ kind: "failed", error: { message: "EAI_AGAIN web" } });
    await clock.advance(5_000);
    dns.answer("10.0.0.1");
    expect(watch.last).toEqual({ kind: "found", ips: ["10.0.0.1"] });
  });

  it("survives a name service that throws", async () => {
    const broken = newSystemHostResolver({
      clock,
      lookup: () => {
        throw new Error("no threads left");
      },
    });
    const watch = new Watch(broken.resolve("web"));
    expect(watch.last).toMatchObject({ kind: "failed", error: { message: "no threads left" } });
    watch.close();
    expect(clock.armed).toBe(0);
  });

  it("has at most so many questions under way, and drops those that nobody waits for", () => {
    const two = newSystemHostResolver({ clock, lookup: dns.lookup, maxConcurrent: 2 });
    const watches = ["a", "b", "c", "d"].map((host) => new Watch(two.resolve(host)));
    expect(dns.log).toEqual(["a", "b"]);
    watches[2]?.close();
    dns.answer("10.0.0.1");
    expect(dns.log).toEqual(["a", "b", "d"]);
    dns.answer("10.0.0.2");
    dns.answer("10.0.0.3");
    expect(dns.log).toHaveLength(3);
  });

  it("forgets an answer that comes after the last observer has gone", () => {
    const watch = new Watch(resolver.resolve("web"));
    watch.close();
    dns.answer("10.0.0.1");
    expect(clock.armed).toBe(0);
    const again = new Watch(resolver.resolve("web"));
    expect(again.last).toEqual({ kind: "pending" });
    dns.answer("10.0.0.2");
    expect(again.last).toEqual({ kind: "found", ips: ["10.0.0.2"] });
  });

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
        const open: { host: string; watch: Watch }[] = [];
        for (const each of steps) {
          if (each.do === "open") open.push({ host: each.host, watch: new Watch(subject.resolve(each.host)) });
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
