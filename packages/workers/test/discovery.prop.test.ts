import { Activity, type ActivityState, Var, type VarSource } from "@weftmesh/core";
import {
  type Addr,
  address,
  type Bound,
  boundAddr,
  type HostAddresses,
  leaf,
  type NameTree,
  Neg,
  negAddr,
  Path,
  type PrefixedNamer,
  pendingAddr,
  showWith,
  union,
} from "@weftmesh/naming";
import { arbPath } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DiscoveryHub } from "../src/discovery-hub.ts";
import type { FromWorker } from "../src/messages.ts";
import { RemoteDiscovery } from "../src/remote-discovery.ts";

type Tree = NameTree<Path | Bound>;

/** A namer whose answers the test sets, and which counts who observes it. */
class ScriptedNamer implements PrefixedNamer {
  readonly prefix = Path.read("/test");
  readonly tree: VarSource<ActivityState<Tree>> = Var.source<ActivityState<Tree>>({ state: "pending" });
  readonly addr: VarSource<Addr> = Var.source(pendingAddr);
  readonly asked: string[] = [];
  readonly namer = {
    lookup: (path: Path): Activity<Tree> => {
      this.asked.push(path.show);
      return new Activity(this.tree);
    },
  };
}

/** A hub and so many workers, whose messages arrive at once, as JSON. */
function connected(namers: readonly PrefixedNamer[], workers: number) {
  const hosts: VarSource<HostAddresses> = Var.source<HostAddresses>({ kind: "pending" });
  const hub = new DiscoveryHub({ resolve: () => hosts });
  const generation = hub.use(namers);
  const remotes = Array.from({ length: workers }, () => {
    const watches = new Map<number, () => void>();
    const remote: RemoteDiscovery = new RemoteDiscovery((message: FromWorker) => {
      if (message.t === "watch") {
        const told = (value: unknown): void => remote.value(message.watch, JSON.parse(JSON.stringify(value)));
        watches.set(message.watch, hub.watch(message.what, told));
      }
      if (message.t === "unwatch") watches.get(message.watch)?.();
    });
    return remote;
  });
  const prefixes = namers.map(({ prefix }) => prefix.show);
  return { hub, hosts, remotes, namers: { generation, prefixes } };
}

const bound = (namer: ScriptedNamer, id: Path, residual: Path): Bound => ({ id, residual, addr: namer.addr });
const arbAddr: fc.Arbitrary<Addr> = fc.oneof(
  fc.constantFrom(pendingAddr, negAddr),
  fc
    .array(fc.nat(65_535), { maxLength: 4 })
    .map((ports) => boundAddr(ports.map((port) => address("10.0.0.1", port, port / 7 + 1, { port })))),
  fc.string().map((message): Addr => ({ kind: "failed", error: new Error(message) })),
);

const plain = (value: unknown): unknown => {
  const json = value as { kind: string; error?: Error };
  return json.kind === "failed" ? { kind: "failed", message: json.error?.message } : json;
};

describe("remote discovery", () => {
  it("tells every worker what the namer says, while the namer is asked once", () => {
    fc.assert(
      fc.property(arbPath(), arbPath(), fc.array(arbAddr, { minLength: 1, maxLength: 5 }), (path, residual, addrs) => {
        const namer = new ScriptedNamer();
        const { hub, remotes, namers } = connected([namer], 3);
        const seen = remotes.map((remote) => follow(remote.namer(namers, 0).namer.lookup(path)));
        expect(namer.asked).toEqual([path.show]);
        namer.tree.set({
          state: "ok",
          value: union(
            { weight: 0.25, tree: leaf<Path | Bound>(bound(namer, path, residual)) },
            { weight: 3, tree: Neg },
          ),
        });
        for (const addr of addrs) {
          namer.addr.set(addr);
          for (const { last } of seen) expect(plain(last.addr)).toEqual(plain(addr));
        }
        for (const { last } of seen) {
          expect(last.tree).toBe(shown(namer.tree.value));
        }
        expect(namer.asked).toEqual([path.show]);
        for (const { stop } of seen) stop();
        expect([hub.watched, namer.tree.observed, namer.addr.observed]).toEqual([0, false, false]);
        for (const remote of remotes) expect(remote.watched).toBe(0);
      }),
    );
  });

  it("resolves host names through the supervisor, failures with their words", () => {
    const { hub, hosts, remotes } = connected([], 2);
    const seen: unknown[] = [];
    const subscriptions = remotes.map((remote) =>
      remote.resolve("a.example").changes.subscribe((each) => seen.push(plain(each))),
    );
    expect(hub.watched).toBe(1);
    hosts.set({ kind: "found", ips: ["10.0.0.1"] });
    hosts.set({ kind: "failed", error: new Error("no answer") });
    expect(seen.slice(-2)).toEqual(Array(2).fill({ kind: "failed", message: "no answer" }));
    for (const each of subscriptions) each.unsubscribe();
    expect([hub.watched, hosts.observed]).toEqual([0, false]);
  });

  it("keeps the addresses of a name that the namer has no answer for at the moment", () => {
    const namer = new ScriptedNamer();
    const { remotes, namers } = connected([namer], 1);
    const [remote] = remotes as [RemoteDiscovery];
    const id = Path.read("/a");
    namer.tree.set({ state: "ok", value: leaf<Path | Bound>(bound(namer, id, Path.empty)) });
    namer.addr.set(boundAddr([address("10.0.0.1", 1)]));
    let found: Bound | undefined;
    remote
      .namer(namers, 0)
      .namer.lookup(id)
      .run.changes.subscribe((state) => {
        if (state.state === "ok" && state.value.kind === "leaf" && !(state.value.value instanceof Path))
          found = state.value.value;
      });
    let addr: Addr = pendingAddr;
    found?.addr.changes.subscribe((each) => {
      addr = each;
    });
    namer.tree.set({ state: "failed", error: new Error("down") });
    expect(addr.kind).toBe("bound");
    namer.tree.set({ state: "ok", value: Neg });
    expect(addr.kind).toBe("bound");
  });

  it("tells a router of a config that is long gone that its namer is gone", () => {
    const { hub } = connected([new ScriptedNamer()], 0);
    let last: unknown;
    hub.watch({ of: "tree", generation: 99, namer: 0, path: "/a" }, (value) => {
      last = value;
    });
    expect(last).toEqual({ state: "failed", error: { code: "WEFT_DISCOVERY", message: "the namer is gone" } });
  });
});

function shown(state: ActivityState<Tree>): string {
  if (state.state !== "ok") return state.state;
  return showWith(state.value, (each) =>
    each instanceof Path ? each.show : `${each.id.show} + ${each.residual.show}`,
  );
}

/** What is told of a namer's answer, and of the addresses of the last bound name in it. */
function follow(activity: Activity<Tree>): { last: { tree: string; addr: unknown }; stop(): void } {
  const last: { tree: string; addr: unknown } = { tree: "", addr: undefined };
  let addresses: { unsubscribe(): void } | undefined;
  const trees = activity.run.changes.subscribe((state) => {
    last.tree = shown(state);
    const tree = state.state === "ok" && state.value.kind === "union" ? state.value.trees[0]?.tree : undefined;
    if (tree?.kind !== "leaf" || tree.value instanceof Path || addresses !== undefined) return;
    addresses = tree.value.addr.changes.subscribe((addr) => {
      last.addr = addr;
    });
  });
  return {
    last,
    stop: () => {
      trees.unsubscribe();
      addresses?.unsubscribe();
    },
  };
}
