import { Var } from "@weftmesh/core";
import { describe, expect, it } from "vitest";
import {
  type Addr,
  address,
  Dtab,
  type HostAddresses,
  httpStatusOf,
  newInterpreter,
  Path,
  showAddress,
  showWith,
  utilityNamers,
} from "../src/index.ts";

const web = Var.source<HostAddresses>({ kind: "pending" });
const utilities = utilityNamers({ resolve: (host) => (host === "web" ? web : Var.of<HostAddresses>({ kind: "neg" })) });

function addrText(addr: Addr): string {
  return addr.kind === "bound" ? addr.addresses.map(showAddress).join(",") : addr.kind;
}

/** The bound tree as text: `id;residual`, or what it failed with. */
function bind(path: string, dtab = ""): string {
  const state = newInterpreter({ utilities }).bind(Dtab.read(dtab), Path.read(path)).sample();
  if (state.state === "failed") return state.error.message;
  return state.state === "ok" ? showWith(state.value, ({ id, residual }) => `${id.show};${residual.show}`) : "pending";
}

function addr(path: string): string {
  const state = newInterpreter({ utilities }).bind(Dtab.empty, Path.read(path)).sample();
  return state.state === "ok" && state.value.kind === "leaf" ? addrText(state.value.value.addr.sample()) : state.state;
}

describe("/$/inet", () => {
  it.each([
    ["/$/inet/127.1/8080", "/$/inet/127.1/8080;/", "127.0.0.1:8080"],
    ["/$/inet/127.1/8080/a/b", "/$/inet/127.1/8080;/a/b", "127.0.0.1:8080"],
    ["/$/inet/::1/80", "/$/inet/::1/80;/", "[::1]:80"],
    ["/$/inet/\\x5b::1\\x5d/80", "/$/inet/\\x5b\\x3a\\x3a\\x31\\x5d/80;/", "[::1]:80"],
    ["/$/inet/8080", "/$/inet/8080;/", "127.0.0.1:8080"],
    ["/$/inet/8080/web", "/$/inet/8080;/web", "127.0.0.1:8080"],
    ["/$/inet/8080/9090", "/$/inet/8080/9090;/", "0.0.31.144:9090"],
    ["/$/inet/nowhere/80", "/$/inet/nowhere/80;/", "neg"],
    ["/$/io.buoyant.rinet/8080/127.1/x", "/$/io.buoyant.rinet/8080/127.1;/x", "127.0.0.1:8080"],
  ])("%s is bound to %s at %s", (path, text, addresses) => {
    expect(bind(path)).toBe(text);
    expect(addr(path)).toBe(addresses);
  });

  it("follows what the resolver says", () => {
    expect(addr("/$/inet/web/80")).toBe("pending");
    web.set({ kind: "found", ips: ["10.0.0.1", "10.0.0.2"] });
    expect(addr("/$/inet/web/80")).toBe("10.0.0.1:80,10.0.0.2:80");
    web.set({ kind: "failed", error: new Error("no answer") });
    expect(addr("/$/inet/web/80")).toBe("failed");
  });

  it.each(["/$/inet/web/x", "/$/inet/web", "/$/inet/web/65536"])("cannot make anything of %s", (path) => {
    expect(bind(path)).toBe(`Unknown namer: inet for path: ${path}`);
  });

  it("says no to a name that is too short", () => {
    expect(bind("/$/inet")).toBe("~");
    expect(bind("/$/io.buoyant.rinet/80")).toBe("~");
  });
});

describe("the utility namers", () => {
  it.each([
    ["/$/nil", "$"],
    ["/$/nil/a/b", "$"],
    ["/$/fail", "!"],
    ["/$/fail/a", "!"],
    ["/$", "~"],
    ["/other", "~"],
    ["/$/com.example.Nothing/x", "Unknown namer: com.example.Nothing for path: /$/com.example.Nothing/x"],
    [
      "/$/io.buoyant.namer.zk.leader/h:2181/x",
      "Unknown namer: io.buoyant.namer.zk.leader for path: /$/io.buoyant.namer.zk.leader/h:2181/x",
    ],
    ["/$/__proto__", "Unknown namer: __proto__ for path: /$/__proto__"],
    ["/$/io.buoyant.http.status/418/a", "/$/io.buoyant.http.status/418;/a"],
    ["/$/io.buoyant.http.status/99", "~"],
    ["/$/io.buoyant.http.status/600", "~"],
    ["/$/io.buoyant.http.status/2000", "~"],
    ["/$/io.buoyant.http.status", "~"],
  ])("%s is %s", (path, text) => {
    expect(bind(path)).toBe(text);
  });

  const rewrites: [string, string | undefined][] = [
    ["io.buoyant.hostportPfx/p/web:8080/x", "/p/web/8080/x"],
    ["io.buoyant.hostportPfx/p/web:admin-1", "/p/web/admin-1"],
    ["io.buoyant.hostportPfx/p/web", undefined],
    ["io.buoyant.hostportPfx/p/web:", undefined],
    ["io.buoyant.hostportPfx/p/:80", undefined],
    ["io.buoyant.hostportPfx/p/a:b:80", undefined],
    ["io.buoyant.hostportPfx/p/web:HTTP", undefined],
    ["io.buoyant.hostportPfx/p/web:-a", undefined],
    [`io.buoyant.hostportPfx/p/web:${"a".repeat(63)}`, `/p/web/${"a".repeat(63)}`],
    [`io.buoyant.hostportPfx/p/web:${"a".repeat(64)}`, undefined],
    ["io.buoyant.hostportPfx/p", undefined],
    ["io.buoyant.porthostPfx/p/web:8080/x", "/p/8080/web/x"],
    ["io.buoyant.http.anyMethod/GET/x", "/x"],
    ["io.buoyant.http.anyMethod/get/x", undefined],
    ["io.buoyant.http.anyMethodPfx/p/GET/x", "/p/x"],
    ["io.buoyant.http.anyMethodPfx/p/G1/x", undefined],
    ["io.buoyant.http.anyHost/a.b:80/x", "/x"],
    ["io.buoyant.http.anyHost/a$b/x", undefined],
    ["io.buoyant.http.anyHostPfx/p/a.b/x", "/p/x"],
    ["io.buoyant.http.subdomainOf/buoyant.io/foo.bar.buoyant.io:80/x", "/foo.bar/x"],
    ["io.buoyant.http.subdomainOf/buoyant.io/buoyant.io/x", undefined],
    ["io.buoyant.http.subdomainOf/buoyant.io/.buoyant.io/x", undefined],
    ["io.buoyant.http.subdomainOf/buoyant.io/fakebuoyant.io/x", undefined],
    ["io.buoyant.http.subdomainOfPfx/buoyant.io/p/foo.buoyant.io/x", "/p/foo/x"],
    ["io.buoyant.http.subdomainOfPfx/buoyant.io/p/foo.linkerd.io/x", undefined],
    ["io.buoyant.http.domainToPath/foo.buoyant.io/x", "/io/buoyant/foo/x"],
    ["io.buoyant.http.domainToPath/foo.io./x", "/io/foo/x"],
    ["io.buoyant.http.domainToPath/foo..io/x", undefined],
    ["io.buoyant.http.domainToPath/./x", undefined],
    ["io.buoyant.http.domainToPathPfx/p/foo.buoyant.io/x", "/p/io/buoyant/foo/x"],
    ["io.buoyant.http.domainToPathPfx/p", undefined],
  ];

  it.each(rewrites)("/$/%s becomes %s", (path, becomes) => {
    expect(bind(`/$/${path}`, catchAll(becomes))).toBe(becomes === undefined ? "~" : `/$/inet/1;${becomes}`);
  });

  it("http.status is told from a real address", () => {
    const state = newInterpreter({ utilities }).bind(Dtab.empty, Path.read("/$/io.buoyant.http.status/503")).sample();
    const found = state.state === "ok" && state.value.kind === "leaf" ? state.value.value.addr.sample() : undefined;
    expect(found?.kind === "bound" && found.addresses.map(httpStatusOf)).toEqual([503]);
    expect(httpStatusOf(address("10.0.0.1", 80))).toBeUndefined();
    expect(httpStatusOf(address("10.0.0.1", 80, 1, { "weft.status": 503 }))).toBeUndefined();
  });
});

/** A rule that takes what is expected to port 1, with the whole of it as the residual. */
function catchAll(becomes: string | undefined): string {
  const first = becomes === undefined ? undefined : Path.read(becomes).elems[0];
  return first === undefined ? "" : `/${first} => /$/inet/1/${first}`;
}
