import { ManualClock } from "@weftmesh/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { type HostResolver, newSystemHostResolver } from "../src/index.ts";
import { FakeDns, HostWatch } from "./fake-dns.ts";

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
    const watches = [new HostWatch(web), new HostWatch(web), new HostWatch(resolver.resolve("WEB"))];
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
    const watch = new HostWatch(resolver.resolve("web"));
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
    const watch = new HostWatch(resolver.resolve("web"));
    dns.answer("10.0.0.1");
    await clock.advance(60_000);
    dns.fail("ENOTFOUND");
    expect(watch.last).toEqual({ kind: "neg" });
    await clock.advance(5_000);
    dns.answer("10.0.0.9");
    expect(watch.last).toEqual({ kind: "found", ips: ["10.0.0.9"] });
  });

  it("keeps the last good answer through other failures", async () => {
    const watch = new HostWatch(resolver.resolve("web"));
    dns.answer("10.0.0.1");
    await clock.advance(60_000);
    dns.fail("EAI_AGAIN");
    await clock.advance(5_000);
    dns.fail("EAI_AGAIN");
    expect(watch.last).toEqual({ kind: "found", ips: ["10.0.0.1"] });
    expect(watch.states).toHaveLength(2);
  });

  it("fails when there never was an answer, and recovers", async () => {
    const watch = new HostWatch(resolver.resolve("web"));
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
    const watch = new HostWatch(broken.resolve("web"));
    expect(watch.last).toMatchObject({ kind: "failed", error: { message: "no threads left" } });
    watch.close();
    expect(clock.armed).toBe(0);
  });

  it("has at most so many questions under way, and drops those that nobody waits for", () => {
    const two = newSystemHostResolver({ clock, lookup: dns.lookup, maxConcurrent: 2 });
    const watches = ["a", "b", "c", "d"].map((host) => new HostWatch(two.resolve(host)));
    expect(dns.log).toEqual(["a", "b"]);
    watches[2]?.close();
    dns.answer("10.0.0.1");
    expect(dns.log).toEqual(["a", "b", "d"]);
    dns.answer("10.0.0.2");
    dns.answer("10.0.0.3");
    expect(dns.log).toHaveLength(3);
  });

  it("forgets an answer that comes after the last observer has gone", () => {
    const watch = new HostWatch(resolver.resolve("web"));
    watch.close();
    dns.answer("10.0.0.1");
    expect(clock.armed).toBe(0);
    const again = new HostWatch(resolver.resolve("web"));
    expect(again.last).toEqual({ kind: "pending" });
    dns.answer("10.0.0.2");
    expect(again.last).toEqual({ kind: "found", ips: ["10.0.0.2"] });
  });
});
