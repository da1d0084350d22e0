import { ClockParam, Ctx, Params, RngParam, type Service, type ServiceFactory, Stack } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { ManualClock, MemoryStats, seededRng, settle, testError } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EndpointCountParam, FailFastBackoffParam, FailFastError, FailFastParam, failFast } from "../src/index.ts";
import { listed } from "./backoffs.ts";
import { FakeSessions } from "./fake-sessions.ts";

const waitsMs = [100, 200, 400];
const longestTryMs = 10_000;
const refused = testError("refused");

/** Who waits for a session below: callers by their number, and the try in the background. */
type Waiter = { readonly kind: "caller"; gaveUp: boolean; readonly ctx: Ctx } | { readonly kind: "try"; over: boolean };

/** Fail-fast as a table, to compare with. */
class Model {
  dead = false;
  nowMs = 0;
  /** When the next try begins, or the one that is under way is given up. */
  dueMs = Number.POSITIVE_INFINITY;
  trying: Waiter | undefined;
  tries = 0;
  sinceMs = 0;
  markedDead = 0;
  markedAvailable = 0;
  count = 2;
  /** In the order in which they asked below. */
  waiting: Waiter[] = [];
  askedBelow = 0;
  refusals = 0;

  get counts(): boolean {
    return this.dead && this.count > 1;
  }

  ask(waiter: Waiter): void {
    this.waiting.push(waiter);
    this.askedBelow++;
  }

  accepted(waiter: Waiter): void {
    if (waiter.kind === "try" ? !waiter.over : !waiter.gaveUp) this.#available();
  }

  refused(waiter: Waiter): void {
    if (waiter.kind === "try") {
      if (!waiter.over) this.#tryFailed();
    } else if (!waiter.gaveUp && !this.dead && this.count > 1) {
      this.dead = true;
      this.markedDead++;
      this.tries = 0;
      this.sinceMs = this.nowMs;
      this.dueMs = this.nowMs + (waitsMs[0] as number);
    }
  }

  advance(ms: number): void {
    const untilMs = this.nowMs + ms;
    while (this.dueMs <= untilMs) {
      this.nowMs = this.dueMs;
      if (this.trying !== undefined) this.#tryFailed();
      else {
        const waiter: Waiter = { kind: "try", over: false };
        this.trying = waiter;
        this.ask(waiter);
        this.dueMs = this.nowMs + longestTryMs;
      }
    }
    this.nowMs = untilMs;
  }

  #tryFailed(): void {
    this.#endTry();
    this.tries++;
    const waitMs = waitsMs[this.tries];
    if (waitMs === undefined) this.#available();
    else this.dueMs = this.nowMs + waitMs;
  }

  #available(): void {
    if (!this.dead) return;
    this.dead = false;
    this.markedAvailable++;
    this.#endTry();
    this.dueMs = Number.POSITIVE_INFINITY;
  }

  #endTry(): void {
    if (this.trying?.kind === "try") this.trying.over = true;
    this.trying = undefined;
  }
}

class World {
  readonly clock = new ManualClock();
  readonly stats = new MemoryStats();
  readonly inner = new FakeSessions();
  readonly sessions: ServiceFactory<string, string>;
  refusals = 0;
  readonly #model: Model;

  constructor(model: Model) {
    this.#model = model;
    const params = Params.empty
      .with(ClockParam, this.clock)
      .with(RngParam, seededRng(1))
      .with(StatsParam, this.stats)
      .with(FailFastParam, true)
      .with(FailFastBackoffParam, listed(...waitsMs))
      .with(EndpointCountParam, () => model.count);
    const leaf = {
      call: () => Promise.reject(refused),
      status: "open" as const,
      close: () => Promise.resolve(),
      sessions: this.inner,
    };
    const built = new Stack<Service<string, string>>([failFast<string, string>()], () => leaf).make(params);
    this.sessions = (built as typeof leaf & { sessions: ServiceFactory<string, string> }).sessions;
  }

  async check(): Promise<void> {
    await settle();
    const model = this.#model;
    expect(this.sessions.status).toBe(model.counts ? "busy" : "open");
    expect(this.inner.opened).toBe(model.askedBelow);
    expect(this.refusals).toBe(model.refusals);
    const read = (name: string): number => this.stats.readCounter(`failfast/${name}`);
    expect([read("marked_dead"), read("marked_available")]).toEqual([model.markedDead, model.markedAvailable]);
    expect(read("marked_dead") - read("marked_available")).toBe(model.dead ? 1 : 0);
    const gauge = (name: string): number | undefined => this.stats.readGauge(`failfast/${name}`);
    expect([gauge("is_marked_dead"), gauge("unhealthy_for_ms"), gauge("unhealthy_num_tries")]).toEqual(
      model.dead ? [1, model.nowMs - model.sinceMs, model.tries] : [0, 0, 0],
    );
    expect(this.clock.armed).toBe(model.dueMs === Number.POSITIVE_INFINITY ? 0 : 1);
  }
}

type Command = fc.AsyncCommand<Model, World>;

function command(name: string, run: (model: Model, world: World) => void | Promise<void>): Command {
  return {
    check: () => true,
    run: async (model, world) => {
      await run(model, world);
      await world.check();
    },
    toString: () => name,
  };
}

const open = command("open", (model, world) => {
  const ctx = new Ctx();
  if (model.counts) model.refusals++;
  else model.ask({ kind: "caller", gaveUp: false, ctx });
  world.sessions.open(ctx).then(
    () => {},
    (error: unknown) => {
      if (error instanceof FailFastError) world.refusals++;
    },
  );
});
const accept = command("accept", (model, world) => {
  const waiter = model.waiting.shift();
  if (waiter === undefined) return;
  world.inner.accept();
  model.accepted(waiter);
});
const refuse = command("refuse", (model, world) => {
  const waiter = model.waiting.shift();
  if (waiter === undefined) return;
  world.inner.refuse(refused);
  model.refused(waiter);
});
const giveUp = command("give up", (model) => {
  const waiter = model.waiting.find((each) => each.kind === "caller" && !each.gaveUp);
  if (waiter?.kind !== "caller") return;
  waiter.gaveUp = true;
  waiter.ctx.cancel(testError("no time left", ["deadlineExceeded"]));
});
const advance = (ms: number): Command =>
  command(`advance(${ms})`, async (model, world) => {
    await world.clock.advance(ms);
    model.advance(ms);
  });
const count = (n: number): Command =>
  command(`count(${n})`, (model) => {
    model.count = n;
  });

describe("failFast", () => {
  it("marks, refuses, tries and comes back as the model does, with the model's metrics and timers", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.commands(
          [
            fc.constant(open),
            fc.constant(open),
            fc.constant(accept),
            fc.constant(refuse),
            fc.constant(refuse),
            fc.constant(giveUp),
            fc.constantFrom(1, 99, 100, 200, 400, 9_999, 10_000).map(advance),
            fc.constantFrom(0, 1, 2, 2).map(count),
          ],
          { maxCommands: 40, size: "max" },
        ),
        async (commands) => {
          const model = new Model();
          const world = new World(model);
          await fc.asyncModelRun(() => ({ model, real: world }), commands);
          // Whatever happened, it comes back: when a try opens a connection, or when there are no more of them.
          await world.clock.advance(4 * (longestTryMs + 400));
          expect(world.sessions.status).toBe("open");
          await world.sessions.close();
          expect(world.clock.armed).toBe(0);
        },
      ),
    );
  });
});
