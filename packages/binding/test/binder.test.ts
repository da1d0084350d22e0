import { CancelledError, Ctx, failing, ok } from "@weftmesh/core";
import { Dtab, Empty, Fail, leaf, Neg, negAddr, Path, pendingAddr, union } from "@weftmesh/naming";
import { seededRng, settle } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { clientState } from "../src/index.ts";
import { newWorld, someAddr, type World } from "./world.ts";

const pathA = "/svc/a";

function only<T>(list: readonly T[]): T {
  expect(list).toHaveLength(1);
  return list[0] as T;
}

/** A world where `/svc/a` is bound to `/#/io.l5d.fs/a`. */
function boundWorld(options: Parameters<typeof newWorld>[0] = {}): World {
  const world = newWorld(options);
  world.interpreter.set(pathA, leaf(world.names.bound("/#/io.l5d.fs/a")));
  return world;
}

function localDtab(): Dtab {
  return new Dtab([{ prefix: ["svc"], dst: leaf(Path.read("/other")) }]);
}

describe("a binding", () => {
  it("sends a call through path, bound and client stack", async () => {
    const { call, paths, bounds, clients } = boundWorld();
    await expect(call(pathA).result).resolves.toBe("hello from /#/io.l5d.fs/a");
    expect([only(paths).calls, only(bounds).calls, only(clients).calls]).toEqual([1, 1, 1]);
  });

  it("asks the interpreter once per name, and not per call", async () => {
    const { call, interpreter } = boundWorld();
    for (let i = 0; i < 5; i++) await call(pathA).result;
    expect(interpreter.binds).toHaveLength(1);
    expect(interpreter.observers).toBe(1);
  });

  it("binds with the base dtab itself, and with the local one behind it where there is one", async () => {
    const baseDtab = new Dtab([{ prefix: ["svc"], dst: leaf(Path.read("/base")) }]);
    const { call, interpreter } = boundWorld({ baseDtab });
    await call(pathA).result;
    const local = localDtab();
    await call(pathA, local).result;
    await call(pathA, localDtab()).result;
    expect(interpreter.binds).toHaveLength(2);
    expect(interpreter.binds[0]?.dtab).toBe(baseDtab);
    expect(interpreter.binds[1]?.dtab.entries).toEqual([...baseDtab.entries, ...local.entries]);
  });

  it("shares one client between names with the same bound id, and one bound stack per residual", async () => {
    const { call, interpreter, names, paths, bounds, clients } = newWorld();
    interpreter.set("/svc/a", leaf(names.bound("/#/x")));
    interpreter.set("/svc/b", leaf(names.bound("/#/x")));
    interpreter.set("/svc/c", leaf(names.bound("/#/x", "/rest")));
    for (const name of ["/svc/a", "/svc/b", "/svc/c"]) await call(name).result;
    expect([paths.length, bounds.length, clients.length]).toEqual([3, 2, 1]);
    expect(only(clients).calls).toBe(3);
  });

  it("serves a call on a service that was evicted between look-up and call", async () => {
    const { binding, call, interpreter, names, paths } = newWorld({ cache: { paths: 1 } });
    interpreter.set("/svc/a", leaf(names.bound("/#/a")));
    interpreter.set("/svc/b", leaf(names.bound("/#/b")));
    const early = binding.lookup(Path.read("/svc/a"), Dtab.empty);
    const other = call("/svc/b");
    await other.result;
    expect(paths.map((each) => each.closes)).toEqual([1, 0]);
    // There is no room now: it is served by a stack of its own, which is closed with its call.
    const ctx = new Ctx();
    await expect(early.call("hello", ctx)).resolves.toBe("hello from /#/a");
    expect(paths.map((each) => each.closes)).toEqual([1, 0, 0]);
    ctx.end(ok);
    expect(paths.map((each) => each.closes)).toEqual([1, 0, 1]);
    other.end();
    await expect(early.call("hello", new Ctx())).resolves.toBe("hello from /#/a");
    expect(paths.map((each) => each.closes)).toEqual([1, 1, 1, 0]);
  });

  it("gives a client stack the bound name without its residual", async () => {
    const seen: string[] = [];
    const { call, interpreter, names } = newWorld({
      newClientStack: (bound) => {
        seen.push(`${bound.id.show} ${bound.residual.show}`);
        return failing(new Error("never mind"));
      },
    });
    interpreter.set(pathA, leaf(names.bound("/#/x", "/rest")));
    await expect(call(pathA).result).rejects.toThrow("never mind");
    expect(seen).toEqual(["/#/x /"]);
  });

  it("sends new calls to the new tree, and lets those under way end on the old client", async () => {
    const { call, interpreter, names, clients, clock } = boundWorld({ cache: { idleTtlMs: 1000 } });
    const old = call(pathA);
    await old.result;
    interpreter.set(pathA, leaf(names.bound("/#/new")));
    const later = call(pathA);
    await expect(later.result).resolves.toBe("hello from /#/new");
    await clock.advance(10_000);
    expect(clients[0]).toMatchObject({ inFlight: 1, closes: 0 });
    old.end();
    await clock.advance(10_000);
    expect(clients[0]).toMatchObject({ inFlight: 0, closes: 1, lateEnds: 0 });
    expect(clients[1]?.closes).toBe(0);
  });

  it("uses the client again when the tree comes back", async () => {
    const { call, interpreter, names, clients } = boundWorld();
    const first = names.bound("/#/io.l5d.fs/a");
    await call(pathA).result;
    interpreter.set(pathA, leaf(names.bound("/#/new")));
    await call(pathA).result;
    interpreter.set(pathA, leaf(first));
    await call(pathA).result;
    expect(clients.map((each) => each.calls)).toEqual([2, 1]);
  });

  it("G7: keeps the last tree when the interpreter fails or says that it waits", async () => {
    const { call, interpreter } = boundWorld();
    await call(pathA).result;
    interpreter.source(pathA).set({ state: "failed", error: new Error("control plane is down") });
    await expect(call(pathA).result).resolves.toBe("hello from /#/io.l5d.fs/a");
    interpreter.source(pathA).set({ state: "pending" });
    await expect(call(pathA).result).resolves.toBe("hello from /#/io.l5d.fs/a");
  });

  it("H1: goes on when the interpreter's stream breaks off", async () => {
    const world = newWorld();
    const source = world.interpreter.source(pathA);
    world.interpreter.set(pathA, leaf(world.names.bound("/#/x")));
    await world.call(pathA).result;
    source.set({ state: "failed", error: new Error("gone") });
    await world.clock.advance(3_600_000);
    await expect(world.call(pathA).result).resolves.toBe("hello from /#/x");
  });

  it("fails calls with the cause when the first answer is a failure, and recovers with the next", async () => {
    const { call, interpreter, names } = newWorld();
    interpreter.source(pathA).set({ state: "failed", error: new Error("no such host") });
    await expect(call(pathA).result).rejects.toMatchObject({
      code: "WEFT_BINDING_FAILED",
      message: "binding failed for name: /svc/a: no such host",
      flags: ["naming"],
    });
    interpreter.set(pathA, leaf(names.bound("/#/x")));
    await expect(call(pathA).result).resolves.toBe("hello from /#/x");
  });

  it("fails calls when the interpreter throws", async () => {
    const { call } = newWorld({
      interpreter: {
        bind: () => {
          throw new Error("thrown by a plugin");
        },
      },
    });
    await expect(call(pathA).result).rejects.toMatchObject({ code: "WEFT_BINDING_FAILED" });
  });

  it.each([
    ["Neg", Neg],
    ["Fail", Fail],
    ["Empty", Empty],
    ["a union of nobody", union({ weight: 1, tree: Neg }, { weight: 1, tree: Empty })],
  ])("has no route where the tree is %s", async (_what, tree) => {
    const baseDtab = localDtab();
    const { call, interpreter } = newWorld({ baseDtab });
    interpreter.set(pathA, tree);
    const local = localDtab();
    const error = await call(pathA, local).result.catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "WEFT_NO_BINDING", flags: ["naming"], baseDtab, localDtab: local });
    expect(error).toHaveProperty("path.show", pathA);
  });

  it("picks the branches of a union by weight, and lets the share of an empty branch fail", async () => {
    const { call, interpreter, names } = newWorld({ rng: seededRng(7) });
    interpreter.set(
      pathA,
      union(
        { weight: 1, tree: leaf(names.bound("/#/a")) },
        { weight: 2, tree: leaf(names.bound("/#/b")) },
        { weight: 1, tree: Empty },
      ),
    );
    const seen = new Map<string, number>();
    const n = 4000;
    for (let i = 0; i < n; i++) {
      const each = call(pathA);
      const answer = await each.result.catch((error: { code: string }) => error.code);
      each.end();
      seen.set(answer, (seen.get(answer) ?? 0) + 1);
    }
    const within = (p: number) => 5 * Math.sqrt((p * (1 - p)) / n);
    expect(Math.abs((seen.get("hello from /#/a") ?? 0) / n - 0.25)).toBeLessThan(within(0.25));
    expect(Math.abs((seen.get("hello from /#/b") ?? 0) / n - 0.5)).toBeLessThan(within(0.5));
    expect(Math.abs((seen.get("WEFT_NO_BINDING") ?? 0) / n - 0.25)).toBeLessThan(within(0.25));
  });

  it("turns a throw in the making of a stack into a failed call, and tries again with the next", async () => {
    for (const level of ["newPathStack", "newBoundStack", "newClientStack"] as const) {
      const { call, interpreter, names } = newWorld({
        [level]: () => {
          throw new Error(`${level} threw`);
        },
      });
      interpreter.set(pathA, leaf(names.bound("/#/x")));
      await expect(call(pathA).result).rejects.toThrow(`${level} threw`);
      await expect(call(pathA).result).rejects.toThrow(`${level} threw`);
      expect(interpreter.observers).toBe(level === "newPathStack" ? 0 : 1);
      expect(names.observers).toBe(0);
    }
  });
});

describe("a call for a name that is not bound yet", () => {
  it("waits for the first answer", async () => {
    const { call, interpreter, names, clock } = newWorld();
    const waiting = call(pathA);
    await clock.advance(9999);
    expect(waiting.settled).toBeUndefined();
    interpreter.set(pathA, leaf(names.bound("/#/x")));
    await expect(waiting.result).resolves.toBe("hello from /#/x");
    expect(clock.armed).toBe(4); // One check per cache: no timer of the call is left.
  });

  it("H2: fails after the binding timeout with Linkerd's words, and the name heals by itself", async () => {
    const { call, interpreter, names, clock, binding } = newWorld();
    const waiting = call("/svc/x");
    await clock.advance(9999);
    expect(waiting.settled).toBeUndefined();
    await clock.advance(1);
    expect(waiting.settled).toMatchObject({
      code: "WEFT_BINDING_TIMEOUT",
      message: "Exceeded 10.seconds binding timeout while resolving name: /svc/x",
      flags: ["naming", "deadlineExceeded"],
    });
    waiting.end();
    expect(binding.snapshot().waitingCalls).toBe(0);
    interpreter.set("/svc/x", leaf(names.bound("/#/x")));
    await expect(call("/svc/x").result).resolves.toBe("hello from /#/x");
  });

  it("leaves the queue at once when it is cancelled, alone", async () => {
    const { call, interpreter, names, binding, clients } = newWorld();
    const calls = [call(pathA), call(pathA), call(pathA)];
    const reason = new CancelledError();
    calls[1]?.ctx.cancel(reason);
    expect(binding.snapshot().waitingCalls).toBe(2);
    await expect(calls[1]?.result).rejects.toBe(reason);
    interpreter.set(pathA, leaf(names.bound("/#/x")));
    await calls[0]?.result;
    await calls[2]?.result;
    expect(only(clients).calls).toBe(2);
  });

  it("that was cancelled before it came is not queued", async () => {
    const { binding, call } = newWorld();
    const early = call(pathA);
    early.ctx.cancel(new CancelledError("gone"));
    const again = binding.lookup(Path.read(pathA), Dtab.empty).call("x", early.ctx);
    await expect(again).rejects.toThrow("gone");
    expect(binding.snapshot().waitingCalls).toBe(0);
  });

  it("is refused when too many wait already", async () => {
    const { call } = newWorld({ maxWaitingCalls: 2 });
    const waiting = [call(pathA), call("/svc/b")];
    await expect(call(pathA).result).rejects.toMatchObject({
      code: "WEFT_OVERLOADED",
      flags: ["rejected", "retryable"],
      message: "2 calls are waiting for names already; refused one for /svc/a",
    });
    waiting[0]?.ctx.cancel(new CancelledError());
    expect(call(pathA).settled).toBeUndefined();
  });

  it("fails with the others in the queue when the answer is a failure", async () => {
    const { call, interpreter } = newWorld();
    const calls = [call(pathA), call(pathA)];
    interpreter.source(pathA).set({ state: "failed", error: new Error("no") });
    for (const each of calls) await expect(each.result).rejects.toMatchObject({ code: "WEFT_BINDING_FAILED" });
  });

  it("goes in the order of arrival", async () => {
    const order: string[] = [];
    const { call, interpreter, names } = newWorld({
      newClientStack: () => ({
        status: "open",
        close: () => Promise.resolve(),
        call: (_req, ctx) => {
          order.push(calls.findIndex((each) => each.ctx === ctx).toString());
          return Promise.resolve("");
        },
      }),
    });
    const calls = [call(pathA), call(pathA), call(pathA)];
    interpreter.set(pathA, leaf(names.bound("/#/x")));
    await Promise.all(calls.map((each) => each.result));
    expect(order).toEqual(["0", "1", "2"]);
  });
});

describe("a call for a bound name whose addresses are not known yet", () => {
  it("waits for them, and then goes through the bound stack", async () => {
    const { call, interpreter, names, bounds, clients } = newWorld();
    interpreter.set(pathA, leaf(names.bound("/#/x", "/", pendingAddr)));
    const waiting = call(pathA);
    await settle();
    expect([only(clients).calls, only(bounds).calls]).toEqual([0, 0]);
    names.addrs.get("/#/x")?.set(someAddr);
    await expect(waiting.result).resolves.toBe("hello from /#/x");
    expect([only(clients).calls, only(bounds).calls]).toEqual([1, 1]);
  });

  it("is let go by an answer of any kind: what to do without addresses is the balancer's matter", async () => {
    const { call, interpreter, names } = newWorld();
    interpreter.set(pathA, leaf(names.bound("/#/x", "/", pendingAddr)));
    const waiting = call(pathA);
    names.addrs.get("/#/x")?.set(negAddr);
    await expect(waiting.result).resolves.toBe("hello from /#/x");
  });

  it("fails after one binding timeout in all, and says what it was connecting to", async () => {
    const { call, interpreter, names, clock } = newWorld({ timeoutMs: 1500 });
    const waiting = call("/svc/x");
    await clock.advance(1000);
    interpreter.set("/svc/x", leaf(names.bound("/#/x", "/", pendingAddr)));
    await clock.advance(499);
    expect(waiting.settled).toBeUndefined();
    await clock.advance(1);
    expect(waiting.settled).toMatchObject({
      code: "WEFT_BINDING_TIMEOUT",
      message: "Exceeded 1.seconds+500.milliseconds binding timeout while connecting to /#/x for name: /svc/x",
    });
  });

  it("keeps its client from being evicted", async () => {
    const { call, interpreter, names, clients } = newWorld({ cache: { clients: 1 } });
    interpreter.set("/svc/x", leaf(names.bound("/#/x", "/", pendingAddr)));
    interpreter.set("/svc/y", leaf(names.bound("/#/y")));
    const waiting = call("/svc/x");
    const other = call("/svc/y");
    await other.result;
    other.end();
    await settle();
    expect(clients.map((each) => each.closes)).toEqual([0, 1]);
    names.addrs.get("/#/x")?.set(someAddr);
    await expect(waiting.result).resolves.toBe("hello from /#/x");
  });
});

describe("closing a binding", () => {
  it("refuses those who wait and those who come, and closes when the last call is over", async () => {
    const world = boundWorld();
    const { call, binding, interpreter, names, clock } = world;
    const underWay = call(pathA);
    await underWay.result;
    const waiting = call("/svc/unknown");
    let closed = false;
    const closing = binding.close().then(() => {
      closed = true;
    });
    await expect(waiting.result).rejects.toMatchObject({ code: "WEFT_CLOSED" });
    waiting.end();
    await expect(call(pathA).result).rejects.toMatchObject({ code: "WEFT_CLOSED" });
    await expect(call("/svc/never").result).rejects.toMatchObject({ code: "WEFT_CLOSED" });
    await settle();
    expect(closed).toBe(false);
    underWay.end();
    await closing;
    for (const each of [...world.paths, ...world.bounds, ...world.clients]) expect(each.closes).toBe(1);
    expect([interpreter.observers, names.observers, clock.armed]).toEqual([0, 0, 0]);
    expect(binding.close()).toBe(binding.close());
  });

  it("lets a call under way try again", async () => {
    const { call, binding, paths } = boundWorld();
    const underWay = call(pathA);
    await underWay.result;
    const closing = binding.close();
    await expect(only(paths).below?.call("again", underWay.ctx)).resolves.toBe("again from /#/io.l5d.fs/a");
    underWay.end();
    await closing;
  });
});

describe("what a binding shows", () => {
  it("lists its caches and the state of each client's addresses", async () => {
    const { call, interpreter, names, binding } = newWorld();
    interpreter.set("/svc/a", leaf(names.bound("/#/a", "/rest")));
    interpreter.set("/svc/b", leaf(names.bound("/#/b", "/", negAddr)));
    interpreter.source("/svc/c").set({ state: "failed", error: new Error("no") });
    const a = call("/svc/a", localDtab());
    const b = call("/svc/b");
    const c = call("/svc/c");
    for (const each of [a, b, c]) await each.result.catch(() => {});
    b.end();
    c.end();
    expect(binding.snapshot()).toEqual({
      paths: [
        { path: "/svc/a", dtab: "/svc=>/other", tree: "/#/a /rest", failure: undefined, calls: 1 },
        { path: "/svc/b", dtab: "", tree: "/#/b", failure: undefined, calls: 0 },
        { path: "/svc/c", dtab: "", tree: undefined, failure: "binding failed for name: /svc/c: no", calls: 0 },
      ],
      trees: [
        { tree: "/#/a /rest", calls: 1 },
        { tree: "/#/b", calls: 0 },
      ],
      bounds: [
        { id: "/#/a", residual: "/rest", calls: 1 },
        { id: "/#/b", residual: "/", calls: 0 },
      ],
      clients: [
        { id: "/#/a", addr: someAddr, calls: 1 },
        { id: "/#/b", addr: negAddr, calls: 0 },
      ],
      waitingCalls: 0,
    });
    expect(clientState(binding.snapshot())).toEqual({
      "/#/a": { state: "bound", addresses: ["127.0.0.1:80"] },
      "/#/b": { state: "Neg", addresses: [] },
    });
  });

  it("counts misses per level, and has gauges for size and idle entries", async () => {
    const { call, stats } = boundWorld();
    const first = call(pathA);
    await first.result;
    const second = call(pathA);
    await second.result;
    for (const level of ["path", "tree", "bound", "client"]) {
      expect(stats.readCounter(`bindcache/${level}/misses`)).toBe(1);
      expect(stats.readGauge(`bindcache/${level}/size`)).toBe(1);
      expect(stats.readGauge(`bindcache/${level}/idle`)).toBe(0);
    }
    first.end();
    second.end();
    expect(stats.readGauge("bindcache/client/idle")).toBe(1);
    expect(stats.readGauge("bindcache/waiting")).toBe(0);
  });
});
