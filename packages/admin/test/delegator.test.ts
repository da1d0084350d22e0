import { Activity, type ActivityState, Var, VarSource } from "@weftmesh/core";
import { type Addr, address, boundAddr, type DelegateTree, type Delegator, Path, pendingAddr } from "@weftmesh/naming";
import { MetricsRegistry } from "@weftmesh/telemetry";
import { ManualClock } from "@weftmesh/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { type Admin, createAdmin } from "../src/admin.ts";
import type { FindDelegator } from "../src/delegator-endpoint.ts";
import { ask, type RawAnswer } from "./raw-request.ts";

let admin: Admin | undefined;
afterEach(async () => {
  await admin?.close();
});

async function start(delegator: FindDelegator, clock: ManualClock = new ManualClock()): Promise<number> {
  admin = createAdmin({
    port: 0,
    clock,
    metrics: new MetricsRegistry(),
    info: { name: "x", version: "1", build: "b" },
    log: () => {},
    delegator,
  });
  return (await admin.listen()).port;
}

const path = Path.read("/svc/web");

function leaf(addr: Var<Addr>): DelegateTree {
  return {
    kind: "leaf",
    path,
    dentry: undefined,
    bound: { id: Path.read("/#/io.l5d.fs/web"), residual: Path.read("/rest"), addr },
  };
}

const known = Var.of<Addr>(boundAddr([address("127.0.0.1", 8080)]));

/** Answers with one tree, and keeps what it was asked. */
function fixed(tree: DelegateTree): { readonly asked: string[]; readonly delegator: Delegator } {
  const asked: string[] = [];
  return {
    asked,
    delegator: {
      delegate: (dtab, each) => {
        asked.push(`${dtab.show} ${each.show}`);
        return Activity.of(tree);
      },
    },
  };
}

function post(port: number, body: unknown, type = "application/json"): Promise<RawAnswer> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return ask(port, "/delegator.json", { method: "POST", headers: { "content-type": type }, body: text });
}

const expected = {
  type: "leaf",
  path: "/svc/web",
  bound: {
    addr: { type: "bound", addrs: [{ ip: "127.0.0.1", port: 8080, meta: {} }], meta: {} },
    id: "/#/io.l5d.fs/web",
    path: "/rest",
  },
};

describe("/delegator.json", () => {
  it("explains a name for GET and for POST alike, with the delegator of the namespace", async () => {
    const { asked, delegator } = fixed(leaf(known));
    const namespaces: (string | undefined)[] = [];
    const port = await start((namespace) => {
      namespaces.push(namespace);
      return delegator;
    });
    const dtab = "/svc=>/#/io.l5d.fs";
    const query = new URLSearchParams({ namespace: "http", dtab, path: "/svc/web" });
    const got = await ask(port, `/delegator.json?${query}`);
    expect([got.status, JSON.parse(got.body)]).toEqual([200, expected]);
    const posted = await post(port, { dtab, path: "/svc/web", more: 1 }, "application/json; charset=utf-8");
    expect([posted.status, JSON.parse(posted.body)]).toEqual([200, expected]);
    expect((await post(port, { namespace: null, dtab, path: "/svc/web" })).status).toBe(200);
    expect(namespaces).toEqual(["http", undefined, undefined]);
    expect(new Set(asked)).toEqual(new Set([`${dtab} /svc/web`]));
  });

  it("takes a missing dtab of a GET for an empty one, but wants a path", async () => {
    const port = await start(() => fixed(leaf(known)).delegator);
    expect((await ask(port, "/delegator.json?path=/svc/web")).status).toBe(200);
    const got = await ask(port, "/delegator.json?dtab=");
    expect([got.status, got.body]).toEqual([400, expect.stringMatching(/^Invalid path: /)]);
  });

  it("answers 400 to what it cannot read, 405, 415 and 501 to what it cannot do", async () => {
    const port = await start((namespace) => (namespace === "dumb" ? undefined : fixed(leaf(known)).delegator));
    const bad = await ask(port, "/delegator.json?path=/svc&dtab=/a%20=%3E%20nonsense");
    expect([bad.status, bad.body]).toEqual([400, expect.stringMatching(/^Invalid dtab: /)]);
    for (const body of [
      "",
      "[]",
      "null",
      "{",
      { dtab: "/a=>/b" },
      { path: "/a" },
      { dtab: 1, path: "/a" },
      { dtab: "", path: "/a", namespace: 3 },
    ]) {
      const got = await post(port, body);
      expect([body, got.status]).toEqual([body, 400]);
      expect(got.body).toMatch(/^Malformed delegation request: /);
    }
    expect((await post(port, { dtab: "", path: "svc" })).body).toMatch(/^Invalid path: /);
    expect((await ask(port, "/delegator.json", { method: "PUT" })).status).toBe(405);
    expect((await post(port, { dtab: "", path: "/a" }, "text/plain")).status).toBe(415);
    expect((await ask(port, "/delegator.json", { method: "POST", body: "{}" })).status).toBe(415);
    const dumb = await ask(port, "/delegator.json?namespace=dumb&path=/a");
    expect([dumb.status, dumb.body]).toEqual([501, "Name Interpreter for dumb cannot show delegations"]);
  });

  it("waits for every address, and lets go of all of them with the answer", async () => {
    const first = new VarSource<Addr>(pendingAddr);
    const second = new VarSource<Addr>(pendingAddr);
    const clock = new ManualClock();
    const tree: DelegateTree = {
      kind: "alt",
      path,
      dentry: undefined,
      trees: [leaf(first), { kind: "union", path, dentry: undefined, trees: [{ weight: 1, tree: leaf(second) }] }],
    };
    const port = await start(() => fixed(tree).delegator, clock);
    const coming = ask(port, "/delegator.json?path=/svc/web");
    while (!second.observed) await new Promise((resolve) => setImmediate(resolve));
    first.set(boundAddr([]));
    second.set({ kind: "neg" });
    const got = await coming;
    expect(JSON.parse(got.body)).toMatchObject({
      type: "alt",
      alt: [
        { bound: { addr: { type: "bound", addrs: [] } } },
        { union: [{ weight: 1, tree: { bound: { addr: { type: "neg" } } } }] },
      ],
    });
    expect([first.observed, second.observed, clock.armed]).toEqual([false, false, 0]);
  });

  it("answers 503 after two seconds without an answer, and lets go", async () => {
    const states = new VarSource<ActivityState<DelegateTree>>({ state: "pending" });
    const clock = new ManualClock();
    const port = await start(() => ({ delegate: () => new Activity(states) }), clock);
    const coming = ask(port, "/delegator.json?path=/svc/web");
    while (!states.observed || clock.armed === 0) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(2_000);
    const got = await coming;
    expect([got.status, got.body]).toEqual([503, "Request timed out."]);
    expect([states.observed, clock.armed]).toEqual([false, 0]);
  });

  it("answers 500 when the delegation itself fails", async () => {
    const port = await start(() => ({ delegate: () => Activity.failed(new Error("no store")) }));
    expect((await ask(port, "/delegator.json?path=/svc/web")).status).toBe(500);
  });

  it("D7: a dtab too long for a query goes in a body, up to its limit", async () => {
    const port = await start(() => fixed(leaf(known)).delegator);
    const dtab = "/svc/a=>/b;".repeat(20_000);
    expect((await ask(port, `/delegator.json?path=/a&dtab=${dtab}`).catch(() => ({ status: 400 }))).status).toBe(400);
    expect((await post(port, { dtab, path: "/svc/web" })).status).toBe(200);
  });
});
