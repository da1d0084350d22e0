import { Registry } from "@weftmesh/config";
import { Params, Var } from "@weftmesh/core";
import {
  type Addr,
  address,
  type Bound,
  type HostAddresses,
  HostResolverParam,
  Path,
  showAddress,
} from "@weftmesh/naming";
import { describeNamer } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { type StaticNamerConfig, staticNamer } from "../src/index.ts";

const schema = staticNamer.schema as z.ZodType<StaticNamerConfig>;

function make(names: object, params = Params.empty) {
  return staticNamer.make(schema.parse({ prefix: "/fixed", names }), params);
}

function bound(names: object, path: string, params?: Params): Bound | undefined {
  const state = make(names, params).namer.lookup(Path.read(path)).sample();
  return state.state === "ok" && state.value.kind === "leaf" ? (state.value.value as Bound) : undefined;
}

function addrText(addr: Addr | undefined): string {
  if (addr?.kind !== "bound") return addr?.kind ?? "nothing";
  return addr.addresses.map((each) => `${showAddress(each)}*${each.weight}`).join(" ");
}

describeNamer("dev.weftmesh.static", () => ({
  namer: make({ web: ["127.0.0.1:8001", { host: "::1", port: 8002, weight: 2 }] }).namer,
  idPrefix: Path.read("/#/fixed"),
  present: Path.read("/web"),
  addresses: [address("127.0.0.1", 8001), address("::1", 8002, 2)],
  absent: Path.read("/other"),
}));

describe("dev.weftmesh.static", () => {
  it("is a kind that a registry takes, with a prefix of its own by default", () => {
    expect(Registry.of([staticNamer]).kinds("namer")).toEqual(["dev.weftmesh.static"]);
    expect(staticNamer.make(schema.parse({ names: {} }), Params.empty).prefix.show).toBe("/dev.weftmesh.static");
  });

  it("says of an address that a proxy is there which takes HTTP/1 over HTTP/2", () => {
    const names = { web: [{ host: "10.0.0.1", port: 80, protocolHint: "h2" }, "10.0.0.2:80"] };
    const found = make(names).namer.lookup(Path.of("web")).sample();
    if (found.state !== "ok" || found.value.kind !== "leaf") throw new Error("no leaf");
    const addr = (found.value.value as Bound).addr.sample();
    if (addr.kind !== "bound") throw new Error("nobody");
    expect(addr.addresses.map(({ metadata }) => metadata)).toEqual([{ protocolHint: "h2" }, {}]);
  });

  it("says of an address that a proxy is there which takes HTTP/1 over HTTP/2", () => {
    const names = { web: [{ host: "10.0.0.1", port: 80, protocolHint: "h2" }, "10.0.0.2:80"] };
    const addr = bound(names, "/web")?.addr.sample();
    const found = addr?.kind === "bound" ? addr.addresses.map(({ metadata }) => metadata) : undefined;
    expect(found).toEqual([{ protocolHint: "h2" }, {}]);
  });

  it("binds names to addresses with their weights", () => {
    const names = { web: ["10.0.0.1:80", "[::1]:81", { host: "10.0.0.2", port: 82, weight: 0.5 }], none: [] };
    expect(addrText(bound(names, "/web")?.addr.sample())).toBe("10.0.0.1:80*1 [::1]:81*1 10.0.0.2:82*0.5");
    expect(addrText(bound(names, "/none")?.addr.sample())).toBe("");
    expect(bound(names, "/other")).toBeUndefined();
    expect(bound(names, "/")).toBeUndefined();
  });

  it("binds the longest name that fits, and the rest is the residual", () => {
    const names = { shop: ["10.0.0.1:80"], "shop/cart": ["10.0.0.2:80"], "/a/b": ["10.0.0.3:80"] };
    expect(bound(names, "/shop/cart/x")).toMatchObject({ id: Path.read("/#/fixed/shop/cart") });
    expect(bound(names, "/shop/cart/x")?.residual.show).toBe("/x");
    expect(bound(names, "/shop/x/cart")?.id.show).toBe("/#/fixed/shop");
    expect(bound(names, "/a")).toBeUndefined();
  });

  it("resolves host names while they are observed, and goes on with those that are known", () => {
    const a = Var.source<HostAddresses>({ kind: "pending" });
    const b = Var.source<HostAddresses>({ kind: "pending" });
    const resolver = { resolve: (host: string) => (host === "a.example" ? a : b) };
    const params = Params.empty.with(HostResolverParam, resolver);
    const { addr } = bound(
      { web: ["a.example:80", { host: "b.example", port: 81, weight: 3 }] },
      "/web",
      params,
    ) as Bound;
    expect(a.observed).toBe(false);
    expect(addrText(addr.sample())).toBe("pending");
    b.set({ kind: "neg" });
    expect(addrText(addr.sample())).toBe("pending");
    a.set({ kind: "failed", error: new Error("no answer") });
    expect(addrText(addr.sample())).toBe("failed");
    b.set({ kind: "found", ips: ["10.0.0.1", "10.0.0.2"] });
    expect(addrText(addr.sample())).toBe("10.0.0.1:81*3 10.0.0.2:81*3");
    a.set({ kind: "neg" });
    b.set({ kind: "neg" });
    expect(addrText(addr.sample())).toBe("neg");
  });

  it.each([
    [{ web: ["10.0.0.1"] }],
    [{ web: ["10.0.0.1:0"] }],
    [{ web: ["10.0.0.1:65536"] }],
    [{ web: ["::1:80"] }],
    [{ web: ["[web]:80"] }],
    [{ web: ["a b:80"] }],
    [{ web: [{ host: "web", port: 80, weight: 0 }] }],
    [{ web: [{ host: "web", port: 80, protocolHint: "http1" }] }],
    [{ web: [{ host: "web", port: 80, protocolHint: "http1" }] }],
    [{ web: [{ host: "web", port: 80, zone: "a" }] }],
    [{ web: "10.0.0.1:80" }],
    [{ "": ["10.0.0.1:80"] }],
    [{ "a b": ["10.0.0.1:80"] }],
  ])("refuses %j", (names) => {
    expect(schema.safeParse({ names }).success).toBe(false);
  });

  it("lists its names", () => {
    const state = make({ web: [], "a/b": [] }).enumerate?.().sample();
    expect(state?.state === "ok" && state.value.map((each) => each.show)).toEqual(["/#/fixed/web", "/#/fixed/a/b"]);
  });

  it("C27: has names of properties that every object has only when they are listed", () => {
    expect(bound({}, "/constructor")).toBeUndefined();
    expect(bound({ constructor: [] }, "/constructor")?.id.show).toBe("/#/fixed/constructor");
  });
});
