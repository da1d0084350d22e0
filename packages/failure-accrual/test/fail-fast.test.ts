import {
  CancelledError,
  ClockParam,
  Ctx,
  failed,
  type Module,
  ok,
  Params,
  RngParam,
  type Service,
  type ServiceFactory,
  Stack,
  type Status,
} from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { describeModule, ManualClock, MemoryStats, seededRng, settle, testError } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import {
  type EjectionEvent,
  EjectionListenerParam,
  EndpointCountParam,
  EndpointLabelParam,
  FailFastBackoffParam,
  FailFastError,
  FailFastParam,
  FailFastRole,
  FailureAccrualParam,
  failFast,
  failureAccrual,
  none,
} from "../src/index.ts";
import { growing, listed } from "./backoffs.ts";
import { FakeSessions } from "./fake-sessions.ts";

const refused = testError("connection refused", ["retryable"]);

/** The module over a leaf whose sessions are the service that the suite brings. */
const withLeaf: Module<Service<object, object>> = {
  ...failFast<object, object>(),
  make: (params, next) => failFast<object, object>().make(params, new Stack([], (given) => leafOf(next.make(given)))),
};

function leafOf(
  inner: Service<object, object>,
): Service<object, object> & { sessions: ServiceFactory<object, object> } {
  const sessions: ServiceFactory<object, object> = {
    // Sessions are closed one by one, and what they share is not.
    open: () =>
      Promise.resolve({ call: (req, ctx) => inner.call(req, ctx), status: "open", close: () => Promise.resolve() }),
    get status(): Status {
      return inner.status;
    },
    close: () => inner.close(),
  };
  return { call: () => Promise.reject(refused), status: "open", close: () => Promise.resolve(), sessions };
}

describeModule(withLeaf, {
  params: (clock) => Params.empty.with(ClockParam, clock).with(RngParam, seededRng(1)).with(FailFastParam, true),
});

interface Leaf extends Service<string, string> {
  readonly sessions: ServiceFactory<string, string>;
}

class World {
  readonly clock: ManualClock = new ManualClock();
  readonly stats: MemoryStats = new MemoryStats();
  readonly events: EjectionEvent[] = [];
  readonly inner: FakeSessions = new FakeSessions();
  /** What a pool above takes of the module, and what there is when there is no pool. */
  readonly sessions: ServiceFactory<string, string>;
  readonly service: Service<string, string>;
  count = 2;

  constructor(params: Params = Params.empty) {
    const leaf: Leaf = {
      call: () => Promise.reject(refused),
      status: "open",
      close: () => Promise.resolve(),
      sessions: this.inner,
    };
    this.service = new Stack<Service<string, string>>([failFast<string, string>()], () => leaf).make(
      Params.empty
        .with(ClockParam, this.clock)
        .with(RngParam, seededRng(1))
        .with(StatsParam, this.stats)
        .with(FailFastParam, true)
        .with(FailFastBackoffParam, listed(100, 200, 400))
        .with(EndpointLabelParam, "10.0.0.1:80")
        .with(EndpointCountParam, () => this.count)
        .with(EjectionListenerParam, (event) => void this.events.push(event))
        .merge(params),
    );
    this.sessions = (this.service as Leaf).sessions;
  }

  /** How opening a session ends, as far as it has. */
  open(ctx: Ctx = new Ctx()): { readonly result: unknown } {
    const opening = { result: undefined as unknown };
    this.sessions.open(ctx).then(
      (session) => {
        opening.result = session;
      },
      (error: unknown) => {
        opening.result = error;
      },
    );
    return opening;
  }

  async markDead(): Promise<void> {
    this.open();
    this.inner.refuse(refused);
    await settle();
  }

  get gauges(): readonly (number | undefined)[] {
    return ["is_marked_dead", "unhealthy_for_ms", "unhealthy_num_tries"].map((name) =>
      this.stats.readGauge(`failfast/${name}`),
    );
  }

  get counters(): readonly number[] {
    return ["marked_dead", "marked_available"].map((name) => this.stats.readCounter(`failfast/${name}`));
  }
}

describe("failFast", () => {
  it("is off if not asked for, as in Linkerd 1: what stands below gets its sessions as they are", () => {
    const { sessions, inner, stats } = new World(Params.empty.with(FailFastParam, FailFastParam.default));
    expect(sessions).toBe(inner);
    expect(stats.names()).toEqual([]);
    expect(FailFastRole).toBe("failFast");
  });

  it("has its metrics from the start, and takes the gauges away with the last endpoint of the client", async () => {
    const { stats, sessions, gauges, counters } = new World();
    expect([gauges, counters]).toEqual([
      [0, 0, 0],
      [0, 0],
    ]);
    const other = new World(Params.empty.with(StatsParam, stats));
    await sessions.close();
    await sessions.close();
    expect(stats.readGauge("failfast/is_marked_dead")).toBe(0);
    await other.sessions.close();
    expect(stats.names()).toEqual(["failfast/marked_available", "failfast/marked_dead"]);
    const third = new World(Params.empty.with(StatsParam, stats));
    await third.markDead();
    expect(stats.readGauge("failfast/is_marked_dead")).toBe(1);
  });

  it("F12: is busy once a connection has failed, and refuses at once with why and for how long", async () => {
    const world = new World();
    expect(world.sessions.status).toBe("open");
    await world.markDead();
    expect(world.sessions.status).toBe("busy");
    await world.clock.advance(50);
    const refusal = world.open();
    await settle();
    expect(refusal.result).toBeInstanceOf(FailFastError);
    expect(refusal.result).toMatchObject({
      code: "WEFT_FAILFAST",
      message: "no connection to 10.0.0.1:80 could be made for 50 ms, with 0 further tries: connection refused",
      flags: ["rejected", "retryable"],
      cause: refused,
      endpoint: "10.0.0.1:80",
      unhealthyForMs: 50,
    });
    expect(world.inner.opened).toBe(1);
    expect([world.gauges, world.counters]).toEqual([
      [1, 50, 0],
      [1, 0],
    ]);
  });

  it("tries in the background at its waits, and is back with the first connection, which it closes again", async () => {
    const world = new World();
    await world.markDead();
    await world.clock.advance(99);
    expect(world.inner.opened).toBe(1);
    await world.clock.advance(1);
    expect(world.inner.opened).toBe(2);
    const worse = testError("no route to host");
    world.inner.refuse(worse);
    await settle();
    expect(world.gauges).toEqual([1, 100, 1]);
    const refusal = world.open();
    await settle();
    expect(refusal.result).toMatchObject({ cause: worse, message: expect.stringContaining("with 1 further tries") });
    await world.clock.advance(199);
    expect(world.inner.opened).toBe(2);
    await world.clock.advance(1);
    expect(world.inner.opened).toBe(3);
    expect(world.sessions.status).toBe("busy");
    const session = world.inner.accept();
    await settle();
    expect(session.closes).toBe(1);
    expect(world.sessions.status).toBe("open");
    expect([world.gauges, world.counters]).toEqual([
      [0, 0, 0],
      [1, 1],
    ]);
    expect(world.clock.armed).toBe(0);
    const origin = world.clock.epochMs() - 300;
    const common = { endpoint: "10.0.0.1:80" };
    expect(world.events).toEqual([
      {
        ...common,
        kind: "failFastDead",
        reason: "no connection: connection refused",
        figures: { tries: 0 },
        forMs: 100,
        atEpochMs: origin,
        cause: refused,
      },
      {
        ...common,
        kind: "failFastAlive",
        reason: "a connection was tried and came about",
        figures: { tries: 1 },
        forMs: 300,
        atEpochMs: origin + 300,
        cause: undefined,
      },
    ]);
  });

  it("lets calls try again when its waits have come to an end", async () => {
    const world = new World();
    await world.markDead();
    for (const ms of [100, 200, 400]) {
      expect(world.sessions.status).toBe("busy");
      await world.clock.advance(ms);
      world.inner.refuse(refused);
      await settle();
    }
    expect(world.sessions.status).toBe("open");
    expect(world.counters).toEqual([1, 1]);
    expect(world.events.at(-1)).toMatchObject({
      kind: "failFastAlive",
      reason: "3 further tries failed, and no more are made",
    });
    await world.markDead();
    expect(world.counters).toEqual([2, 1]);
  });

  it("tells its backoff how often it has tried, and what it waited last", async () => {
    const world = new World(Params.empty.with(FailFastBackoffParam, growing).with(RngParam, { next: () => 0 }));
    await world.markDead();
    // 100; then 100 + 100 + 10; then 100 + 210 + 20.
    for (const [i, ms] of [100, 210, 330].entries()) {
      await world.clock.advance(ms - 1);
      expect(world.inner.opened).toBe(i + 1);
      await world.clock.advance(1);
      expect(world.inner.opened).toBe(i + 2);
      world.inner.refuse(refused);
      await settle();
      expect(world.inner.openings.at(-1)?.ctx.ended).toBe(true);
    }
  });

  it("marks nothing where there is to be no try at all", async () => {
    const world = new World(Params.empty.with(FailFastBackoffParam, listed()));
    await world.markDead();
    expect(world.sessions.status).toBe("open");
    expect([world.counters, world.events, world.clock.armed]).toEqual([[0, 0], [], 0]);
  });

  it("waits 1 s first if not told, then anything below 2 s, 4 s and on to 32 s, and 32 s from the 17th try on", () => {
    const backoff = FailFastBackoffParam.default;
    const waits = Array.from({ length: 18 }, (_, attempt) => backoff.delayMs(attempt, 0, { next: () => 0.25 }));
    expect(waits.slice(0, 7)).toEqual([1_000, 500, 1_000, 2_000, 4_000, 8_000, 8_000]);
    expect(waits.slice(-3)).toEqual([8_000, 32_000, 32_000]);
    expect(FailFastBackoffParam.show(backoff)).toBe(backoff.name);
  });

  it("counts what was being opened already: a success ends the outage, and its try with it", async () => {
    const world = new World();
    const early = world.open();
    const other = world.open();
    world.inner.refuse(refused);
    await world.clock.advance(100);
    expect([world.inner.opened, world.sessions.status]).toEqual([3, "busy"]);
    const tried = world.inner.openings[2];
    const session = world.inner.accept();
    await settle();
    expect(other.result).toBe(session);
    expect(early.result).toBe(refused);
    expect(world.sessions.status).toBe("open");
    expect(tried?.ctx.cancelled?.message).toBe("the endpoint is no longer marked dead");
    expect(world.clock.armed).toBe(0);
    expect(world.counters).toEqual([1, 1]);
    expect(world.events.at(-1)?.reason).toBe("a connection came about");
  });

  it("closes the session of a try that comes about in the moment in which it is no longer wanted", async () => {
    const world = new World();
    world.open();
    world.open();
    world.inner.refuse(refused);
    await world.clock.advance(100);
    const wanted = world.inner.accept();
    const late = world.inner.accept();
    await settle();
    expect([wanted.closes, late.closes]).toEqual([0, 1]);
    expect([world.counters, world.clock.armed]).toEqual([[1, 1], 0]);
    expect(world.inner.openings[2]?.ctx.ended).toBe(true);
  });

  it("ignores failures of one outage that come late, in the next as well", async () => {
    const world = new World();
    world.open();
    world.open();
    world.inner.refuse(refused);
    await settle();
    world.inner.refuse(testError("late"));
    await settle();
    expect(world.counters).toEqual([1, 0]);
    expect(world.events).toHaveLength(1);
    await world.clock.advance(100);
    world.inner.accept();
    await settle();
    expect(world.counters).toEqual([1, 1]);
  });

  it("hears nothing in a connection that its caller gave up, nor in a failure that counts for nothing", async () => {
    const world = new World();
    const ctx = new Ctx();
    world.open(ctx);
    ctx.cancel(testError("no time left", ["deadlineExceeded"]));
    await settle();
    world.open();
    world.inner.refuse(new CancelledError());
    await settle();
    expect([world.sessions.status, world.counters]).toEqual(["open", [0, 0]]);
  });

  it("takes a throw below for a failure", async () => {
    const world = new World();
    world.inner.throws = refused;
    const opening = world.open();
    await settle();
    expect(opening.result).toBe(refused);
    expect(world.sessions.status).toBe("busy");
    await world.clock.advance(100);
    expect(world.gauges[2]).toBe(1);
  });

  it("gives a try of its own up after 10 s, whatever the transport waits for", async () => {
    const world = new World();
    await world.markDead();
    await world.clock.advance(100);
    await world.clock.advance(9_999);
    expect(world.inner.pending).toBe(1);
    await world.clock.advance(1);
    expect(world.inner.pending).toBe(0);
    expect(world.gauges[2]).toBe(1);
    const refusal = world.open();
    await settle();
    expect(refusal.result).toMatchObject({ message: expect.stringContaining("no connection within 10000 ms") });
    await world.clock.advance(200);
    expect(world.inner.opened).toBe(3);
  });

  it("never marks an only endpoint dead, and lets calls try when it has become the only one", async () => {
    const world = new World();
    world.count = 1;
    await world.markDead();
    expect([world.sessions.status, world.counters]).toEqual(["open", [0, 0]]);
    world.count = 2;
    await world.markDead();
    expect(world.sessions.status).toBe("busy");
    world.count = 1;
    expect(world.sessions.status).toBe("open");
    const opening = world.open();
    const session = world.inner.accept();
    await settle();
    expect(opening.result).toBe(session);
    expect(world.counters).toEqual([1, 1]);
  });

  it("has the status of what stands below, or a worse one", async () => {
    const world = new World();
    world.inner.status = "closed";
    expect(world.sessions.status).toBe("closed");
    world.inner.status = "open";
    await world.markDead();
    world.inner.status = "closed";
    expect(world.sessions.status).toBe("closed");
  });

  it("when closed, stops its timer or its try, shows nothing any more, and closes what stands below once", async () => {
    for (const tries of [false, true]) {
      const world = new World();
      await world.markDead();
      if (tries) await world.clock.advance(100);
      await world.sessions.close();
      await world.sessions.close();
      await settle();
      expect([world.clock.armed, world.inner.closes, world.inner.pending]).toEqual([0, 1, 0]);
      expect(world.gauges).toEqual([undefined, undefined, undefined]);
      expect(world.counters).toEqual([1, 0]);
      expect(world.events).toHaveLength(1);
    }
    const idle = new World();
    const opening = idle.open();
    await idle.sessions.close();
    idle.inner.refuse(refused);
    await settle();
    expect(opening.result).toBe(refused);
    expect([idle.counters, idle.clock.armed]).toEqual([[0, 0], 0]);
  });

  it("is no more dead for a metric once it is closed while another endpoint of the client lives on", async () => {
    const world = new World();
    const other = new World(Params.empty.with(StatsParam, world.stats));
    await world.markDead();
    expect(world.gauges).toEqual([1, 0, 0]);
    await other.clock.advance(1);
    await other.markDead();
    await world.clock.advance(70);
    expect(world.gauges).toEqual([2, 70, 0]);
    await world.sessions.close();
    expect(world.gauges).toEqual([1, 0, 0]);
  });

  it("must stand right above the transport, and says what is in between", () => {
    const leaf = (): Service<string, string> => ({
      call: () => Promise.reject(refused),
      status: "open",
      close: () => Promise.resolve(),
    });
    const params = Params.empty.with(FailFastParam, true);
    expect(() => new Stack([failFast<string, string>()], leaf).make(params)).toThrow(
      new TypeError("failFast must stand between the pool and the transport (the leaf offers no sessions)"),
    );
    const between = failureAccrual<string, string>();
    const wrong = new Stack([failFast<string, string>(), between], leaf);
    expect(() => wrong.make(params.with(FailureAccrualParam, none))).toThrow("(below it: failureAccrual)");
  });
});

describe("failFast without a pool", () => {
  it("opens a session for each call, closes it when the call has ended, and has the status of its sessions", async () => {
    const world = new World();
    const ctx = new Ctx();
    const call = world.service.call("req", ctx);
    const session = world.inner.accept();
    expect(await call).toBe("req");
    expect(session.closes).toBe(0);
    ctx.end(ok);
    expect(session.closes).toBe(1);
    await world.markDead();
    expect(world.service.status).toBe("busy");
    await expect(world.service.call("req", new Ctx())).rejects.toBeInstanceOf(FailFastError);
    await world.service.close();
    expect(world.inner.closes).toBe(1);
  });

  it("makes no call that was cancelled before it had a session, nor one that has ended by then", async () => {
    const world = new World();
    const before = new Ctx();
    before.cancel(refused);
    await expect(world.service.call("req", before)).rejects.toBe(refused);
    expect(world.inner.opened).toBe(0);
    const meanwhile = new Ctx();
    const call = world.service.call("req", meanwhile);
    const session = world.inner.accept();
    meanwhile.end(failed(refused));
    await expect(call).rejects.toBeInstanceOf(CancelledError);
    expect([session.calls, session.closes]).toEqual([0, 1]);
  });
});
