import { WeftError } from "@weftmesh/core";
import { Logger, MetricsRegistry, metricsJson } from "@weftmesh/telemetry";
import { ManualClock, seededRng, settle } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Crew } from "../src/crew.ts";
import { DiscoveryHub } from "../src/discovery-hub.ts";
import { Distributor } from "../src/distributor.ts";
import { MergedMetrics } from "../src/merged-metrics.ts";
import type { FromWorker, ToWorker } from "../src/messages.ts";

class FakeProcess {
  readonly place: number;
  readonly heard: (message: FromWorker) => void;
  readonly ended: (how: string) => void;
  readonly told: ToWorker[] = [];
  readonly signals: string[] = [];
  readonly atMs: number;

  constructor(place: number, atMs: number, heard: (message: FromWorker) => void, ended: (how: string) => void) {
    this.place = place;
    this.atMs = atMs;
    this.heard = heard;
    this.ended = ended;
  }

  up(): void {
    this.heard({ t: "hello" });
    this.heard({ t: "ready" });
  }

  last<T extends ToWorker["t"]>(t: T): Extract<ToWorker, { t: T }> | undefined {
    return this.told.filter((each) => each.t === t).at(-1) as Extract<ToWorker, { t: T }> | undefined;
  }
}

function newCrew(count: number) {
  const clock = new ManualClock();
  const registry = new MetricsRegistry();
  const lines: string[] = [];
  const processes: FakeProcess[] = [];
  const distributor = new Distributor();
  const metrics = new MergedMetrics(registry);
  const crew = new Crew({
    count,
    clock,
    rng: seededRng(1),
    log: new Logger("root", undefined, "INFO", ({ message }) => lines.push(message)),
    stats: registry,
    distributor,
    hub: new DiscoveryHub({
      resolve: () => {
        throw new Error("no hosts here");
      },
    }),
    metrics,
    launch: (place, heard, ended) => {
      const made = new FakeProcess(place, clock.now(), heard, ended);
      processes.push(made);
      return {
        pid: processes.length,
        send: (message) => void made.told.push(message),
        kill: (signal) => void made.signals.push(signal),
      };
    },
    begin: (worker) => ({ config: "config", settings: {}, namers: { generation: 1, prefixes: [] }, worker }),
  });
  const figures = (): Record<string, number> =>
    JSON.parse(metricsJson(metrics, new URLSearchParams()).body) as Record<string, number>;
  return { clock, crew, processes, lines, figures, distributor };
}

async function started(count: number) {
  const all = newCrew(count);
  const starting = all.crew.start();
  for (const each of all.processes) each.up();
  await starting;
  return all;
}

describe("a crew", () => {
  it("is up when every worker is, each with the config", async () => {
    const { crew, processes } = newCrew(3);
    let isUp = false;
    const starting = crew.start().then(() => {
      isUp = true;
    });
    processes[0]?.up();
    processes[1]?.up();
    await settle();
    expect([isUp, crew.ready]).toEqual([false, 2]);
    processes[2]?.up();
    await starting;
    expect(processes.map((each) => each.last("start")?.start.worker)).toEqual([1, 2, 3]);
  });

  it("does not come up when a worker does not, says why, and ends the others", async () => {
    const { crew, processes } = newCrew(2);
    const starting = crew.start();
    processes[0]?.up();
    processes[1]?.heard({ t: "hello" });
    processes[1]?.heard({ t: "failed", message: "WEFT_TLS: no such file" });
    const thrown = await starting.catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(WeftError);
    expect(String(thrown)).toContain("worker 2 did not come up: WEFT_TLS: no such file");
    expect(processes.map(({ signals }) => signals)).toEqual([["SIGKILL"], ["SIGKILL"]]);
  });

  it("ends a worker that never gets ready", async () => {
    const { clock, crew, processes } = newCrew(1);
    crew.start().catch(() => {});
    await clock.advance(60_000);
    expect(processes[0]?.signals).toEqual(["SIGKILL"]);
  });

  it("waits longer before each further start of a worker that keeps dying, up to half a minute, and anew once it lasted", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 59_000 }), { minLength: 1, maxLength: 14 }),
        async (livesMs) => {
          const { clock, processes } = await started(1);
          let ceilingMs = 100;
          for (const liveMs of livesMs) {
            await clock.advance(liveMs);
            const diedMs = clock.now();
            const count = processes.length;
            processes.at(-1)?.ended("ended with exit code 1");
            await clock.advance(30_000);
            expect(processes.length).toBe(count + 1);
            const waitedMs = (processes.at(-1) as FakeProcess).atMs - diedMs;
            expect(waitedMs).toBeGreaterThanOrEqual(Math.min(ceilingMs, 30_000) / 2);
            expect(waitedMs).toBeLessThanOrEqual(Math.min(ceilingMs, 30_000));
            ceilingMs *= 2;
            processes.at(-1)?.up();
          }
          await clock.advance(60_000);
          for (const each of processes.at(-1)?.told ?? [])
            if (each.t === "report") {
              processes
                .at(-1)
                ?.heard({ t: "report", id: each.id, report: { names: [], values: [], stats: [], gone: [] } });
            }
          const diedMs = clock.now();
          processes.at(-1)?.ended("ended with exit code 1");
          await clock.advance(100);
          expect((processes.at(-1) as FakeProcess).atMs - diedMs).toBeLessThanOrEqual(100);
        },
      ),
      { numRuns: 20 },
    );
  });

  it("replaces a worker that leaves at once, and gives that one no more", async () => {
    const { crew, processes, distributor, figures } = await started(2);
    processes[0]?.heard({ t: "leaving" });
    expect(processes.length).toBe(3);
    expect(processes[0]?.last("released")).toBeDefined();
    for (let i = 0; i < 4; i++) distributor.give({ close: () => {} }, "a");
    expect(processes[0]?.last("connection")).toBeUndefined();
    processes[0]?.ended("ended with exit code 0");
    processes[2]?.up();
    expect([crew.ready, processes.length]).toEqual([2, 3]);
    expect(figures()).toMatchObject({ "workers/died": 0, "workers/restarts": 1 });
  });

  it("collects metrics, and goes on without a worker that does not answer", async () => {
    const { clock, crew, processes, figures } = await started(2);
    const collected = crew.collect();
    const id = processes[0]?.last("report")?.id ?? 0;
    const report = { names: [[1, "counter", ["requests"]]], values: [1, 7], stats: [], gone: [] } as const;
    processes[0]?.heard({ t: "report", id, report });
    await clock.advance(1_000);
    await collected;
    expect(figures()["requests"]).toBe(7);
    processes[0]?.ended("was ended by SIGKILL");
    expect(figures()["requests"]).toBe(7);
  });

  it("I11: ends a worker that is stuck", async () => {
    const { clock, processes, lines } = await started(1);
    await clock.advance(80_000);
    expect(processes[0]?.signals).toContain("SIGKILL");
    expect(lines.join("\n")).toContain("worker 1 has said nothing for 60000 ms and is ended");
  });

  it("replaces a worker that cannot take on a config", async () => {
    const { crew, processes, lines } = await started(2);
    const reloaded = crew.reload("config 2", { generation: 2, prefixes: [] });
    for (const each of processes.slice(0, 2)) {
      const asked = each.last("reload");
      expect(asked?.config).toBe("config 2");
      const problem = each.place === 2 ? { problem: "no memory" } : {};
      each.heard({ t: "reloaded", id: asked?.id ?? 0, ...problem });
    }
    await reloaded;
    expect(lines.join("\n")).toContain("worker 2 could not take on the config and is replaced: no memory");
    expect(processes[1]?.last("drain")).toBeDefined();
    expect(processes[2]?.place).toBe(2);
  });

  it("drains all workers, starts none again, and cuts off those that do not end", async () => {
    const { clock, crew, processes } = await started(2);
    let isClosed = false;
    const closing = crew.close(5_000).then(() => {
      isClosed = true;
    });
    expect(processes.map((each) => each.last("drain")?.graceMs)).toEqual([5_000, 5_000]);
    processes[0]?.ended("ended with exit code 0");
    await clock.advance(7_000);
    expect([isClosed, processes[1]?.signals]).toEqual([false, ["SIGKILL"]]);
    processes[1]?.ended("was ended by SIGKILL");
    await closing;
    expect(processes.length).toBe(2);
  });
});
