import { CancelledError, Ctx } from "@weftmesh/core";
import { Full, Retained } from "@weftmesh/http";
import type { NameTree, Path } from "@weftmesh/naming";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  answerFail,
  answerNever,
  answerOk,
  answerThrow,
  arbCluster,
  arbDtab,
  arbPath,
  ManualClock,
  MemoryStats,
  PushBody,
  RecordingSink,
  ScriptedService,
  seededRng,
} from "../src/index.ts";

describe("seededRng", () => {
  it("gives the same numbers for a seed, other ones for another, all in [0, 1) and evenly", () => {
    const draw = (seed: number): number[] => Array.from({ length: 10_000 }, seededRng(seed).next);
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    const buckets = Array<number>(10).fill(0);
    for (const each of draw(7)) {
      expect(each >= 0 && each < 1).toBe(true);
      buckets[Math.floor(each * 10)]!++;
    }
    for (const count of buckets) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(900));
  });
});

describe("ScriptedService", () => {
  it("answers as written, the last answer over and over, and notes how each call ended", async () => {
    const clock = new ManualClock();
    const svc = new ScriptedService<string, string>(clock, [
      answerOk("now"),
      answerOk("later", 10),
      answerFail(["retryable"], 5),
      answerThrow("no"),
      answerNever,
    ]);
    expect(await svc.call("a", new Ctx())).toBe("now");
    const later = svc.call("b", new Ctx());
    const fails = expect(svc.call("c", new Ctx())).rejects.toMatchObject({ code: "WEFT_TEST", flags: ["retryable"] });
    expect(() => svc.call("d", new Ctx())).toThrow("no");
    const ctxs = [new Ctx(), new Ctx()];
    const never = ctxs.map((ctx) => svc.call("e", ctx).catch((error: unknown) => error));
    expect(svc.inFlight).toBe(4);
    await clock.advance(10);
    await fails;
    expect(await later).toBe("later");
    const reason = new CancelledError();
    for (const ctx of ctxs) ctx.cancel(reason);
    expect(await Promise.all(never)).toEqual([reason, reason]);
    const outcomes = svc.calls.map((each) => each.outcome);
    expect(outcomes).toEqual(["ok", "ok", "failed", "thrown", "cancelled", "cancelled"]);
    expect([svc.inFlight, clock.armed]).toEqual([0, 0]);
  });

  it("is closed when what is in flight is over", async () => {
    const clock = new ManualClock();
    const svc = new ScriptedService<string, string>(clock, [answerOk("rep", 10)]);
    void svc.call("a", new Ctx());
    let closed = false;
    void svc.close().then(() => {
      closed = true;
    });
    await clock.advance(9);
    expect(closed).toBe(false);
    await clock.advance(1);
    expect([closed, svc.status, svc.closes]).toEqual([true, "closed", 1]);
  });
});

describe("MemoryStats", () => {
  it("gives back what was counted, by scope, until it is pruned", () => {
    const stats = new MemoryStats();
    const scope = stats.scope("rt", "http").scope("server");
    scope.counter("requests").inc();
    scope.counter("requests").inc(4);
    scope.stat("latency_ms").add(3);
    scope.stat("latency_ms").add(1);
    const remove = scope.gauge(() => 7, "pending");
    expect(stats.readCounter("rt/http/server/requests")).toBe(5);
    expect(scope.readStat("latency_ms")).toEqual([3, 1]);
    expect(scope.readGauge("pending")).toBe(7);
    expect(stats.scope("rt").names()).toEqual([
      "http/server/latency_ms",
      "http/server/pending",
      "http/server/requests",
    ]);
    remove();
    expect(scope.readGauge("pending")).toBeUndefined();
    stats.scope("rt").prune();
    expect(stats.names()).toEqual([]);
  });
});

describe("PushBody and RecordingSink", () => {
  it("carry chunks, pauses and the end, and tell of a source that goes on after a stop", async () => {
    const body = new PushBody();
    body.push(Buffer.from("held "));
    const sink = RecordingSink.of(body, Full | Retained);
    body.push(Buffer.from("sent"));
    expect([sink.text(), body.full, body.sent]).toEqual(["held sent", true, 9]);
    const writable = body.writable();
    sink.resume();
    await writable;
    body.end();
    await sink.done;
    expect([sink.ended, sink.late]).toEqual([true, []]);
    sink.onData(Buffer.from("x"));
    expect(sink.late).toEqual(["onData"]);
  });
});

describe("arbitraries", () => {
  it("make paths of every kind of byte, dtabs that end or go round, and clusters in order of time", () => {
    const paths = fc.sample(arbPath(), { numRuns: 2000, seed: 1 });
    const bytes = new Set(paths.flatMap((path) => path.elems.flatMap((elem) => [...elem])));
    for (const each of ["\x00", "/", "\\", "\xff", "a"]) expect(bytes.has(each)).toBe(true);
    expect(new Set(paths.map((path) => path.size))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]));
    const first = (path: Path): string => path.elems[0] as string;
    const leaves = (tree: NameTree<Path>): Path[] => {
      if (tree.kind === "leaf") return [tree.value];
      if (tree.kind === "alt") return tree.trees.flatMap(leaves);
      return tree.kind === "union" ? tree.trees.flatMap((each) => leaves(each.tree)) : [];
    };
    fc.assert(
      fc.property(arbDtab({ shape: "acyclic" }), (dtab) => {
        for (const { prefix, dst } of dtab.entries) {
          // Leaves only ever lead to later letters, so there is no way back.
          for (const path of leaves(dst)) expect(first(path) > (prefix[0] as unknown as string)).toBe(true);
        }
      }),
    );
    const cyclic = fc.sample(arbDtab({ shape: "cyclic" }), { numRuns: 200, seed: 1 });
    const back = cyclic.filter((dtab) =>
      dtab.entries.some(({ prefix, dst }) =>
        leaves(dst).some((path) => prefix.length === 0 || first(path) === prefix[0]),
      ),
    );
    expect(back.length).toBeGreaterThan(50);
    fc.assert(
      fc.property(arbCluster, ({ addresses, flips }) => {
        for (const [i, flip] of flips.entries()) {
          expect(flip.node).toBeLessThan(addresses.length);
          if (i > 0) expect(flip.atMs).toBeGreaterThanOrEqual((flips[i - 1] as typeof flip).atMs);
        }
      }),
    );
  });
});
