import { CancelledError, Ctx, type Outcome, ok } from "@weftmesh/core";
import { Pool } from "@weftmesh/pool";
import { ManualClock, MemoryStats, settle } from "@weftmesh/testkit";
import fc from "fast-check";
import { expect } from "vitest";
import { FakeFactory, type FakeSession, type Opening } from "./fake-sessions.ts";

export interface Setup {
  readonly minSize: number;
  readonly maxSize: number;
  readonly maxWaiters: number;
  readonly idleTimeMs: number;
  readonly sessionIdleTimeMs: number;
  readonly sessionLifeTimeMs: number;
}

const never = Number.POSITIVE_INFINITY;

export const arbSetup: fc.Arbitrary<Setup> = fc.record({
  minSize: fc.constantFrom(0, 0, 1, 2),
  maxSize: fc.constantFrom(1, 2, 3, never),
  maxWaiters: fc.constantFrom(0, 1, 3, never),
  idleTimeMs: fc.constantFrom(never, never, 0, 100, 2_000),
  sessionIdleTimeMs: fc.constantFrom(never, never, 300),
  sessionLifeTimeMs: fc.constantFrom(never, never, 500),
});

/** How a call should stand: waiting for something, or settled with an answer or the code of an error. */
type Fate = "under way" | "waiting" | (string & {});

interface ModelCall {
  fate: Fate;
  readonly deadlineMs: number;
  ended: boolean;
}

interface ModelConnection {
  phase: "opening" | "used" | "idle";
  /** Whose it is while it is opening or used; none if that one went away too late to stop it. */
  call: number | undefined;
  /** Which of the sessions it is, in the order in which they opened. */
  n: number;
  openedMs: number;
  idleSinceMs: number;
  /** It closed while idle, and nobody was told. */
  unheard: boolean;
}

/** What a pool owes, without any of its ways to get there. Connections are known by the number of their connect. */
export class PoolModel {
  readonly setup: Setup;
  nowMs = 0;
  closed = false;
  readonly calls: ModelCall[] = [];
  readonly connections = new Map<number, ModelConnection>();
  /** The calls that wait for their turn, and the idle connections: the first and the newest last. */
  waiting: number[] = [];
  idle: number[] = [];
  connects = 0;
  sessions = 0;
  waited = 0;
  tooMany = 0;
  redials = 0;

  constructor(setup: Setup) {
    this.setup = setup;
  }

  get size(): number {
    return this.connections.size;
  }

  call(deadlineMs: number): void {
    const id = this.calls.length;
    const call: ModelCall = { fate: "under way", deadlineMs, ended: false };
    this.calls.push(call);
    while (this.idle.length > 0 && this.at(this.idle.at(-1)).unheard) this.gone(this.idle.at(-1) as number);
    const idle = this.idle.pop();
    if (idle !== undefined) this.use(idle, id);
    else if (this.closed) this.settle(id, "WEFT_CLOSED");
    else if (this.size < this.setup.maxSize) this.connect(id);
    else if (this.waiting.length >= this.setup.maxWaiters) {
      this.tooMany++;
      this.settle(id, "WEFT_POOL_WAITERS");
    } else if (deadlineMs <= this.nowMs) this.settle(id, "WEFT_POOL_DEADLINE");
    else {
      this.waited++;
      call.fate = "waiting";
      this.waiting.push(id);
    }
  }

  connect(call: number): void {
    this.callOf(call).fate = "under way";
    this.connections.set(this.connects++, {
      phase: "opening",
      call,
      n: -1,
      openedMs: 0,
      idleSinceMs: 0,
      unheard: false,
    });
  }

  opened(id: number): void {
    const connection = this.at(id);
    connection.n = this.sessions++;
    connection.openedMs = this.nowMs;
    connection.phase = "used";
    if (connection.call === undefined) this.release(id);
  }

  refused(id: number): void {
    const { call } = this.at(id);
    if (call !== undefined) this.settle(call, "WEFT_CONNECT_REFUSED");
    this.gone(id);
  }

  /** `isTooLate` when the connect that the call waits for has succeeded, and nobody knows yet. */
  cancelled(call: number, isTooLate: boolean): void {
    this.waiting = this.waiting.filter((each) => each !== call);
    this.settle(call, "WEFT_CANCELLED");
    for (const [id, connection] of this.connections) {
      if (connection.call !== call) continue;
      if (connection.phase === "used") this.gone(id);
      else if (this.waiting.length > 0) this.inherit(connection);
      else if (isTooLate) connection.call = undefined;
      else this.gone(id);
    }
  }

  inherit(connection: ModelConnection): void {
    connection.call = this.waiting.shift() as number;
    this.callOf(connection.call).fate = "under way";
  }

  release(id: number): void {
    const connection = this.at(id);
    const { setup, nowMs } = this;
    if (this.closed || nowMs - connection.openedMs >= setup.sessionLifeTimeMs) this.gone(id);
    else if (this.waiting.length > 0) this.inherit(connection);
    else if (setup.idleTimeMs === 0 && this.size > setup.minSize) this.gone(id);
    else {
      connection.phase = "idle";
      connection.call = undefined;
      connection.idleSinceMs = nowMs;
      this.idle.push(id);
    }
  }

  stale(id: number): void {
    const call = this.at(id).call as number;
    this.connections.delete(id);
    if (this.closed) this.settle(call, "WEFT_CLOSED");
    else {
      this.redials++;
      this.connect(call);
    }
  }

  use(id: number, call: number): void {
    const connection = this.at(id);
    connection.phase = "used";
    connection.call = call;
  }

  /** One connection fewer: whoever waits longest gets a connect of his own. */
  gone(id: number): void {
    this.connections.delete(id);
    this.idle = this.idle.filter((each) => each !== id);
    const next = this.waiting.shift();
    if (next !== undefined) this.connect(next);
  }

  advance(ms: number): void {
    this.nowMs += ms;
    for (const id of this.waiting) {
      if (this.callOf(id).deadlineMs <= this.nowMs) this.settle(id, "WEFT_POOL_DEADLINE");
    }
    this.waiting = this.waiting.filter((id) => this.callOf(id).fate === "waiting");
  }

  close(): void {
    this.closed = true;
    for (const id of this.idle) this.connections.delete(id);
    this.idle = [];
    for (const id of this.waiting) this.settle(id, "WEFT_CLOSED");
    this.waiting = [];
  }

  settle(call: number, fate: Fate): void {
    const known = this.callOf(call);
    if (known.fate !== "under way" && known.fate !== "waiting") return;
    known.fate = fate;
    // Who makes a call ends it when it has failed.
    if (fate.startsWith("WEFT")) known.ended = true;
  }

  callOf(id: number): ModelCall {
    return this.calls[id] as ModelCall;
  }

  at(id: number | undefined): ModelConnection {
    return this.connections.get(id as number) as ModelConnection;
  }
}

interface RealCall {
  readonly ctx: Ctx;
  settled: string | undefined;
}

/** The pool itself, with everything around it played by the test. */
export class RealPool {
  readonly clock = new ManualClock();
  readonly stats = new MemoryStats();
  readonly factory = new FakeFactory();
  readonly pool: Pool<string, string>;
  readonly calls: RealCall[] = [];
  closing: Promise<void> | undefined = undefined;
  closeResolved = false;

  constructor(setup: Setup) {
    this.pool = new Pool(this.factory, { ...setup, clock: this.clock, stats: this.stats });
  }

  call(deadlineMs: number): void {
    const call: RealCall = { ctx: new Ctx(), settled: undefined };
    call.ctx.deadline = deadlineMs;
    const outcome = (given: Outcome): void => call.ctx.end(given);
    this.pool.call(`r${this.calls.length}`, call.ctx).then(
      (rep) => {
        call.settled = rep;
      },
      (error: Error) => {
        call.settled = (error as Error & { code: string }).code;
        outcome({ kind: "failed", error });
      },
    );
    this.calls.push(call);
  }

  opening(id: number): Opening {
    return this.factory.openings[id] as Opening;
  }

  session(id: number): FakeSession {
    return this.opening(id).session as FakeSession;
  }

  ctx(call: number): Ctx {
    return (this.calls[call] as RealCall).ctx;
  }
}

/** What is the same of both, whatever was done. */
export function compare(model: PoolModel, real: RealPool): void {
  adoptExpiry(model, real);
  const { pool, factory, stats } = real;
  expect(real.calls.map((each) => each.settled ?? "unsettled")).toEqual(
    model.calls.map(({ fate }) => (fate === "under way" || fate === "waiting" ? "unsettled" : fate)),
  );
  expect([pool.size, pool.cached, pool.waiters]).toEqual([model.size, model.idle.length, model.waiting.length]);
  expect(pool.size).toBeLessThanOrEqual(model.setup.maxSize);
  // Nobody waits while there is room, and nothing is idle while somebody waits.
  if (model.waiting.length > 0) expect([pool.size, pool.cached]).toEqual([model.setup.maxSize, 0]);
  expect(factory.openings).toHaveLength(model.connects);
  expect(factory.opening).toBe([...model.connections.values()].filter((each) => each.phase === "opening").length);
  // Whoever made the ctx of a connect has ended it, so that nothing hangs on to it.
  expect(factory.openings.map((each) => each.ctx.ended)).toEqual(factory.openings.map((each) => each.done));
  for (const [id, connection] of model.connections) {
    if (connection.phase === "used") expect(real.session(id).request).toBe(`r${connection.call}`);
  }
  for (const [id, { session }] of factory.openings.entries()) {
    if (session === undefined) continue;
    expect(session.misused).toEqual([]);
    expect(session.closes).toBe(model.connections.has(id) ? 0 : 1);
  }
  expect(stats.readCounter("pool_num_waited")).toBe(model.waited);
  expect(stats.readCounter("pool_num_too_many_waiters")).toBe(model.tooMany);
  expect(stats.readCounter("pool_redials")).toBe(model.redials);
  if (!model.closed) {
    // As Finagle counts: what is cached is what there is beyond the smallest size and beyond what is in use.
    const used = model.size - model.idle.length;
    const counted = Math.max(used, Math.min(model.size, model.setup.minSize));
    expect(stats.readGauge("pool_size")).toBe(counted);
    expect(stats.readGauge("pool_cached")).toBe(model.size - counted);
    expect(stats.readGauge("pool_waiters")).toBe(model.waiting.length);
  }
  expect(real.closeResolved).toBe(model.closed && model.size === 0);
  expect(factory.closes).toBe(model.closed && model.size === 0 ? 1 : 0);
  const timed = model.waiting.filter((id) => model.callOf(id).deadlineMs < never).length;
  expect(real.clock.armed - timed).toBeGreaterThanOrEqual(0);
  expect(real.clock.armed - timed).toBeLessThanOrEqual(model.idle.length > 0 ? 1 : reaperMayWake);
  expect(pool.status).toBe(statusOf(model));
}

/** A timer that was set for a session which has been taken meanwhile may still be there. */
const reaperMayWake = 1;

function statusOf(model: PoolModel): string {
  if (model.closed) return "closed";
  const { setup, waiting, idle, size } = model;
  return size >= setup.maxSize && idle.length === 0 && waiting.length >= setup.maxWaiters ? "busy" : "open";
}

/**
 * Idle sessions go when their time is up, or a little later; never before it. When exactly is the pool's to say: the
 * model takes it over.
 */
function adoptExpiry(model: PoolModel, real: RealPool): void {
  const { setup, nowMs } = model;
  const shortestMs = Math.min(setup.idleTimeMs, setup.sessionIdleTimeMs, setup.sessionLifeTimeMs);
  const slackMs = Math.min(shortestMs / 8, 1_000) + 1;
  for (const id of [...model.idle]) {
    const connection = model.at(id);
    const idleMs = nowMs - connection.idleSinceMs;
    const overMs = Math.max(idleMs - setup.sessionIdleTimeMs, nowMs - connection.openedMs - setup.sessionLifeTimeMs);
    if (real.session(id).closes === 0) {
      expect(overMs).toBeLessThan(slackMs);
      continue;
    }
    const isSurplus = idleMs >= setup.idleTimeMs && model.size > setup.minSize;
    expect(overMs >= 0 || isSurplus || connection.unheard).toBe(true);
    model.gone(id);
  }
  const tooLong = model.idle.filter((id) => nowMs - model.at(id).idleSinceMs >= setup.idleTimeMs + slackMs);
  expect(tooLong.length).toBeLessThanOrEqual(setup.minSize);
}

type Command = fc.AsyncCommand<PoolModel, RealPool>;

/** One step of both, and a look at whether they still agree. */
abstract class Step implements Command {
  protected readonly i: number;

  constructor(i: number) {
    this.i = i;
  }

  abstract check(model: Readonly<PoolModel>): boolean;
  protected abstract step(model: PoolModel, real: RealPool): Promise<void> | void;

  async run(model: PoolModel, real: RealPool): Promise<void> {
    await this.step(model, real);
    await settle();
    compare(model, real);
  }

  toString(): string {
    return `${this.constructor.name}(${this.i})`;
  }

  /** One of the connections in that phase. */
  protected pick(model: PoolModel, phase: ModelConnection["phase"]): number | undefined {
    const ids = [...model.connections].filter(([, each]) => each.phase === phase).map(([id]) => id);
    return ids[this.i % ids.length];
  }
}

function has(model: Readonly<PoolModel>, phase: ModelConnection["phase"]): boolean {
  return [...model.connections.values()].some((each) => each.phase === phase);
}

/** A call; `i` is how many ms its deadline is away, below zero how many it has passed; at 7 it is no number. */
class Call extends Step {
  check(): boolean {
    return true;
  }

  protected step(model: PoolModel, real: RealPool): void {
    const deadlineMs = this.i === 0 ? never : this.i === 7 ? Number.NaN : model.nowMs + this.i;
    const top = model.idle.at(-1);
    const hit = top !== undefined && !model.at(top).unheard;
    model.call(deadlineMs);
    real.call(deadlineMs);
    // The one that was used last, at once, without a turn of anything.
    if (hit) expect(real.session(top).request).toBe(`r${model.calls.length - 1}`);
  }
}

class Open extends Step {
  check(model: Readonly<PoolModel>): boolean {
    return has(model, "opening");
  }

  protected step(model: PoolModel, real: RealPool): void {
    const id = this.pick(model, "opening") as number;
    real.opening(id).succeed();
    model.opened(id);
  }
}

class Refuse extends Open {
  protected override step(model: PoolModel, real: RealPool): void {
    const id = this.pick(model, "opening") as number;
    real.opening(id).fail();
    model.refused(id);
  }
}

/** A connect succeeds and its call is cancelled before anybody hears of the success: nobody's call harmed the session. */
class OpenTooLate extends Open {
  protected override step(model: PoolModel, real: RealPool): void {
    const id = this.pick(model, "opening") as number;
    const call = model.at(id).call as number;
    real.opening(id).succeed();
    real.ctx(call).cancel(new CancelledError());
    model.cancelled(call, true);
    model.opened(id);
  }
}

class Cancel extends Step {
  check(model: Readonly<PoolModel>): boolean {
    return this.#unsettled(model).length > 0;
  }

  protected step(model: PoolModel, real: RealPool): void {
    const unsettled = this.#unsettled(model);
    const call = unsettled[this.i % unsettled.length] as number;
    real.ctx(call).cancel(new CancelledError());
    model.cancelled(call, false);
    expect(real.pool.waiters).toBe(model.waiting.length);
  }

  #unsettled(model: Readonly<PoolModel>): number[] {
    return [...model.calls.keys()].filter((id) => ["under way", "waiting"].includes(model.callOf(id).fate));
  }
}

class Answer extends Step {
  check(model: Readonly<PoolModel>): boolean {
    return has(model, "used");
  }

  protected step(model: PoolModel, real: RealPool): void {
    const id = this.pick(model, "used") as number;
    const { call, n } = model.at(id);
    real.session(id).answer();
    model.settle(call as number, `r${call} by ${n}`);
  }
}

/** The whole answer is there, so the session comes back, at once: is handed on, kept or closed. */
class End extends Answer {
  protected override step(model: PoolModel, real: RealPool): void {
    super.step(model, real);
    const id = this.pick(model, "used") as number;
    const call = model.at(id).call as number;
    model.callOf(call).ended = true;
    model.release(id);
    real.ctx(call).end(ok);
    const after = model.connections.get(id);
    if (after?.phase === "used") expect(real.session(id).request).toBe(`r${after.call}`);
    expect(real.pool.cached).toBe(model.idle.length);
  }
}

class Die extends Answer {
  protected override step(model: PoolModel, real: RealPool): void {
    const id = this.pick(model, "used") as number;
    const call = model.at(id).call as number;
    real.session(id).die();
    model.settle(call, "WEFT_TEST");
    model.gone(id);
  }
}

/** The peer had closed the connection, and the call may be made again. */
class Stale extends Step {
  check(model: Readonly<PoolModel>): boolean {
    return this.#pending(model).length > 0;
  }

  protected step(model: PoolModel, real: RealPool): void {
    const pending = this.#pending(model);
    const id = pending[this.i % pending.length] as number;
    real.session(id).dieStale();
    model.stale(id);
    expect(real.pool.size).toBe(model.size);
  }

  #pending(model: Readonly<PoolModel>): number[] {
    return [...model.connections.keys()].filter((id) => {
      const { phase, call } = model.at(id);
      return phase === "used" && model.callOf(call as number).fate === "under way";
    });
  }
}

class DieIdle extends Step {
  check(model: Readonly<PoolModel>): boolean {
    return has(model, "idle");
  }

  protected step(model: PoolModel, real: RealPool): void {
    const id = this.pick(model, "idle") as number;
    real.session(id).die();
    model.gone(id);
  }
}

class DieUnheard extends DieIdle {
  protected override step(model: PoolModel, real: RealPool): void {
    const id = this.pick(model, "idle") as number;
    real.session(id).status = "closed";
    model.at(id).unheard = true;
  }
}

class Advance extends Step {
  check(): boolean {
    return true;
  }

  protected async step(model: PoolModel, real: RealPool): Promise<void> {
    model.advance(this.i);
    await real.clock.advance(this.i);
  }
}

export class Close extends Step {
  check(model: Readonly<PoolModel>): boolean {
    return !model.closed;
  }

  protected step(model: PoolModel, real: RealPool): void {
    model.close();
    real.closing = real.pool.close().then(() => {
      real.closeResolved = true;
    });
    expect(real.pool.close()).toBe(real.pool.close());
  }
}

const index = fc.nat(5);
const times = (n: number, of: fc.Arbitrary<Command>): fc.Arbitrary<Command>[] => Array.from({ length: n }, () => of);

/** What may happen to a pool, the likely more often. */
export const poolCommands: fc.Arbitrary<Command>[] = [
  ...times(
    7,
    fc.constantFrom(0, 0, 0, 0, 60, 250, -5, 7).map((ms) => new Call(ms)),
  ),
  ...times(
    6,
    index.map((i) => new Open(i)),
  ),
  ...times(
    2,
    index.map((i) => new Answer(i)),
  ),
  ...times(
    5,
    index.map((i) => new End(i)),
  ),
  ...times(
    2,
    index.map((i) => new Cancel(i)),
  ),
  ...times(
    2,
    fc.constantFrom(1, 50, 99, 100, 260, 700).map((ms) => new Advance(ms)),
  ),
  index.map((i) => new Refuse(i)),
  index.map((i) => new OpenTooLate(i)),
  index.map((i) => new Die(i)),
  index.map((i) => new DieIdle(i)),
  index.map((i) => new DieUnheard(i)),
  index.map((i) => new Stale(i)),
  fc.constant(new Close(0)),
];

/** Lets everything come to its end: afterwards nothing may be left of it. */
export async function finish(model: PoolModel, real: RealPool): Promise<void> {
  if (!model.closed) await new Close(0).run(model, real);
  while (model.size > 0) {
    if (has(model, "opening")) await new Open(0).run(model, real);
    else await new End(0).run(model, real);
  }
  await real.closing;
  expect(real.calls.filter((each) => each.settled === undefined)).toEqual([]);
  for (const session of real.factory.sessions) expect(session.closes).toBe(1);
  expect(real.clock.armed).toBe(0);
  expect(real.stats.names().filter((name) => real.stats.readGauge(name) !== undefined)).toEqual([]);
}
