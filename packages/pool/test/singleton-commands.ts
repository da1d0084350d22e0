import { CancelledError, Ctx, ok } from "@weftmesh/core";
import { SingletonPool } from "@weftmesh/pool";
import { ManualClock, MemoryStats, settle } from "@weftmesh/testkit";
import fc from "fast-check";
import { expect } from "vitest";
import { FakeSharedFactory, type FakeSharedSession } from "./fake-shared-sessions.ts";

export interface SharedSetup {
  readonly allowInterrupts: boolean;
  readonly maxWaiters: number;
  readonly sessionIdleTimeMs: number;
  readonly sessionLifeTimeMs: number;
}

const never = Number.POSITIVE_INFINITY;

export const arbSharedSetup: fc.Arbitrary<SharedSetup> = fc.record({
  allowInterrupts: fc.boolean(),
  maxWaiters: fc.constantFrom(never, never, 0, 2),
  sessionIdleTimeMs: fc.constantFrom(never, never, 0, 300),
  sessionLifeTimeMs: fc.constantFrom(never, never, 500),
});

interface ModelCall {
  /** `waiting`, `under way`, an answer or the code of an error. */
  fate: string;
  readonly deadlineMs: number;
  /** The sessions that count it: more than one after it was made again. */
  readonly on: number[];
}

interface ModelSession {
  /** Calls that have not ended. */
  readonly calls: Set<number>;
  /** Those of them that were made again elsewhere. */
  readonly left: Set<number>;
  readonly openedMs: number;
  idleSinceMs: number;
  /** It closed by itself, and the pool was not told. */
  unheard: boolean;
  busy: boolean;
}

/** What a singleton pool owes. Sessions are known by the number of their connect. */
export class SharedModel {
  readonly setup: SharedSetup;
  nowMs = 0;
  closed = false;
  connects = 0;
  fails = 0;
  dead = 0;
  idleExpired = 0;
  lifeExpired = 0;
  redials = 0;
  tooMany = 0;
  readonly calls: ModelCall[] = [];
  waiting: number[] = [];
  /** The connect under way, and the session that takes the calls. */
  connecting: number | undefined = undefined;
  current: number | undefined = undefined;
  /** Those that are not closed, the draining ones among them. */
  readonly sessions = new Map<number, ModelSession>();

  constructor(setup: SharedSetup) {
    this.setup = setup;
  }

  get size(): number {
    return this.sessions.size + (this.connecting === undefined ? 0 : 1);
  }

  call(deadlineMs: number): void {
    this.calls.push({ fate: "under way", deadlineMs, on: [] });
    this.place(this.calls.length - 1);
  }

  /** A call looks for its session. */
  place(id: number): void {
    const call = this.calls[id] as ModelCall;
    if (this.current !== undefined && this.sessions.get(this.current)?.unheard === true) this.retire(this.current);
    if (this.current !== undefined) {
      this.put(id, this.current);
    } else if (this.closed) this.settle(id, "WEFT_CLOSED");
    else if (this.waiting.length >= this.setup.maxWaiters) {
      this.tooMany++;
      this.settle(id, "WEFT_POOL_WAITERS");
    } else if (call.deadlineMs <= this.nowMs) this.settle(id, "WEFT_POOL_DEADLINE");
    else {
      call.fate = "waiting";
      this.waiting.push(id);
      this.connecting ??= this.connects++;
    }
  }

  put(id: number, session: number): void {
    const call = this.calls[id] as ModelCall;
    call.fate = "under way";
    call.on.push(session);
    this.at(session).calls.add(id);
  }

  opened(status: "open" | "closed"): void {
    const id = this.connecting as number;
    this.connecting = undefined;
    if (status === "closed") {
      this.dead++;
      this.failAll("WEFT_POOL_DEAD_SESSION");
      return;
    }
    const { nowMs } = this;
    this.sessions.set(id, {
      calls: new Set(),
      left: new Set(),
      openedMs: nowMs,
      idleSinceMs: nowMs,
      unheard: false,
      busy: false,
    });
    this.current = id;
    for (const call of this.waiting) this.put(call, id);
    this.waiting = [];
  }

  refused(): void {
    this.connecting = undefined;
    this.fails++;
    this.failAll("WEFT_CONNECT_REFUSED");
  }

  failAll(code: string): void {
    for (const id of this.waiting) this.settle(id, code);
    this.waiting = [];
  }

  cancelled(id: number): void {
    const waited = this.waiting.includes(id);
    this.waiting = this.waiting.filter((each) => each !== id);
    this.settle(id, "WEFT_CANCELLED");
    if (waited) this.mayGiveUp();
  }

  mayGiveUp(): void {
    if (this.setup.allowInterrupts && this.waiting.length === 0) this.connecting = undefined;
  }

  end(id: number): void {
    for (const session of (this.calls[id] as ModelCall).on.splice(0)) {
      const known = this.sessions.get(session);
      if (known === undefined) continue;
      known.calls.delete(id);
      known.left.delete(id);
      if (known.calls.size > 0) continue;
      known.idleSinceMs = this.nowMs;
      if (session !== this.current) this.sessions.delete(session);
    }
  }

  /** Takes no more calls, and is closed behind the last. */
  retire(id: number): void {
    if (this.current === id) this.current = undefined;
    if (this.at(id).calls.size === 0) this.sessions.delete(id);
  }

  stale(call: number, session: number): void {
    this.at(session).left.add(call);
    if (this.current === session) this.retire(session);
    if (!this.closed) this.redials++;
    this.place(call);
  }

  advance(ms: number): void {
    this.nowMs += ms;
    const late = this.waiting.filter((id) => (this.calls[id] as ModelCall).deadlineMs <= this.nowMs);
    this.waiting = this.waiting.filter((id) => !late.includes(id));
    for (const id of late) this.settle(id, "WEFT_POOL_DEADLINE");
    if (late.length > 0) this.mayGiveUp();
    if (this.current === undefined) return;
    const { calls, openedMs, idleSinceMs } = this.at(this.current);
    const { sessionIdleTimeMs, sessionLifeTimeMs } = this.setup;
    const idleDueMs = calls.size > 0 ? never : idleSinceMs + sessionIdleTimeMs;
    const oldDueMs = openedMs + sessionLifeTimeMs;
    if (this.nowMs < Math.min(idleDueMs, oldDueMs)) return;
    if (oldDueMs <= idleDueMs) this.lifeExpired++;
    else this.idleExpired++;
    this.retire(this.current);
  }

  close(): void {
    this.closed = true;
    this.connecting = undefined;
    this.failAll("WEFT_CLOSED");
    if (this.current !== undefined) this.retire(this.current);
  }

  settle(id: number, fate: string): void {
    const call = this.calls[id] as ModelCall;
    if (call.fate !== "under way" && call.fate !== "waiting") return;
    call.fate = fate;
    // Who makes a call ends it when it has failed.
    if (fate.startsWith("WEFT")) this.end(id);
  }

  at(id: number): ModelSession {
    return this.sessions.get(id) as ModelSession;
  }

  /** Calls that are on a session and not settled. */
  get unanswered(): number[] {
    return [...this.calls.keys()].filter((id) => (this.calls[id] as ModelCall).fate === "under way");
  }

  /** Calls that are on a session and have not ended. */
  get used(): number[] {
    return [...this.calls.keys()].filter((id) => {
      const { fate, on } = this.calls[id] as ModelCall;
      return fate !== "waiting" && on.length > 0;
    });
  }

  sessionOf(id: number): number {
    return (this.calls[id] as ModelCall).on.at(-1) as number;
  }
}

export class RealShared {
  readonly clock = new ManualClock();
  readonly stats = new MemoryStats();
  readonly factory = new FakeSharedFactory();
  readonly pool: SingletonPool<string, string>;
  readonly calls: { readonly ctx: Ctx; settled: string }[] = [];
  closing: Promise<void> | undefined = undefined;
  closeResolved = false;

  constructor(setup: SharedSetup) {
    this.pool = new SingletonPool(this.factory, { ...setup, clock: this.clock, stats: this.stats });
  }

  call(deadlineMs: number): void {
    const call = { ctx: new Ctx(), settled: "unsettled" };
    call.ctx.deadline = deadlineMs;
    this.pool.call(`r${this.calls.length}`, call.ctx).then(
      (rep) => {
        call.settled = rep;
      },
      (error: Error) => {
        call.settled = (error as Error & { code: string }).code;
        call.ctx.end({ kind: "failed", error });
      },
    );
    this.calls.push(call);
  }

  session(id: number): FakeSharedSession {
    return this.factory.openings[id]?.session as FakeSharedSession;
  }

  ctx(call: number): Ctx {
    return this.calls[call]?.ctx as Ctx;
  }
}

/** What is the same of both, whatever was done. */
export function compareShared(model: SharedModel, real: RealShared): void {
  const { pool, factory, stats } = real;
  expect(real.calls.map((each) => each.settled)).toEqual(
    model.calls.map(({ fate }) => (fate === "under way" || fate === "waiting" ? "unsettled" : fate)),
  );
  expect([pool.size, pool.waiters]).toEqual([model.size, model.waiting.length]);
  expect(factory.openings).toHaveLength(model.connects);
  // One connect at a time, and one session that is given calls.
  const pending = [...factory.openings.keys()].filter((id) => factory.openings[id]?.done === false);
  expect(pending).toEqual(model.connecting === undefined ? [] : [model.connecting]);
  // Whoever made the ctx of a connect has ended it, so that nothing hangs on to it.
  expect(factory.openings.map((each) => each.ctx.ended)).toEqual(factory.openings.map((each) => each.done));
  for (const [id, opening] of factory.openings.entries()) {
    if (opening.session === undefined) continue;
    expect(opening.session.misused).toEqual([]);
    expect(opening.session.closes).toBe(model.sessions.has(id) ? 0 : 1);
  }
  for (const [id, { calls, left }] of model.sessions) expect(real.session(id).inUse).toBe(calls.size - left.size);
  const current = model.current === undefined ? undefined : model.at(model.current);
  expect(pool.load).toBe(model.waiting.length + (current?.calls.size ?? 0));
  expect(stats.readCounter("singletonpool/connects/fail")).toBe(model.fails);
  expect(stats.readCounter("singletonpool/connects/dead")).toBe(model.dead);
  expect(stats.readCounter("idle")).toBe(model.idleExpired);
  expect(stats.readCounter("lifetime")).toBe(model.lifeExpired);
  expect(stats.readCounter("pool_redials")).toBe(model.redials);
  expect(stats.readCounter("pool_num_too_many_waiters")).toBe(model.tooMany);
  const figures = ["pool_size", "pool_cached", "pool_waiters"].map((name) => stats.readGauge(name));
  expect(figures).toEqual(model.closed ? [undefined, undefined, undefined] : [model.size, 0, model.waiting.length]);
  expect([real.closeResolved, factory.closes]).toEqual(model.closed && model.size === 0 ? [true, 1] : [false, 0]);
  const { sessionIdleTimeMs, sessionLifeTimeMs } = model.setup;
  const limited = current !== undefined && Math.min(sessionIdleTimeMs, sessionLifeTimeMs) !== never;
  const timed = model.waiting.filter((id) => model.calls[id]?.deadlineMs !== never).length;
  expect(real.clock.armed).toBeLessThanOrEqual(timed + (limited ? 1 : 0));
  expect(real.clock.armed).toBeGreaterThanOrEqual(timed);
  expect(pool.status).toBe(model.closed ? "closed" : current?.busy === true && !current.unheard ? "busy" : "open");
}

type Command = fc.AsyncCommand<SharedModel, RealShared>;

abstract class Step implements Command {
  protected readonly i: number;

  constructor(i: number) {
    this.i = i;
  }

  abstract check(model: Readonly<SharedModel>): boolean;
  protected abstract step(model: SharedModel, real: RealShared): Promise<void> | void;

  async run(model: SharedModel, real: RealShared): Promise<void> {
    await this.step(model, real);
    await settle();
    compareShared(model, real);
  }

  toString(): string {
    return `${this.constructor.name}(${this.i})`;
  }

  protected pick(from: readonly number[]): number {
    return from[this.i % from.length] as number;
  }
}

/** A call; above zero `i` is how many ms its deadline is away, and below zero how many it has passed. */
class Call extends Step {
  check(): boolean {
    return true;
  }

  protected step(model: SharedModel, real: RealShared): void {
    const deadlineMs = this.i === 0 ? never : model.nowMs + this.i;
    model.call(deadlineMs);
    real.call(deadlineMs);
    const id = model.calls.length - 1;
    // On an open session at once, without a turn of anything.
    if ((model.calls[id]?.on.length ?? 0) > 0) {
      expect(real.session(model.sessionOf(id)).calls.has(`r${id}`)).toBe(true);
    }
  }
}

class Open extends Step {
  check(model: Readonly<SharedModel>): boolean {
    return model.connecting !== undefined;
  }

  protected async step(model: SharedModel, real: RealShared): Promise<void> {
    const id = model.connecting as number;
    const order = [...model.waiting];
    const session = real.factory.openings[id]?.succeed() as FakeSharedSession;
    model.opened("open");
    await settle();
    expect([...session.calls.keys()]).toEqual(order.map((each) => `r${each}`));
  }
}

class OpenDead extends Open {
  protected override async step(model: SharedModel, real: RealShared): Promise<void> {
    real.factory.openings[model.connecting as number]?.succeed("closed");
    model.opened("closed");
  }
}

class Refuse extends Open {
  protected override async step(model: SharedModel, real: RealShared): Promise<void> {
    real.factory.openings[model.connecting as number]?.fail();
    model.refused();
  }
}

/** The connect succeeds while everybody goes away: the session is kept for the next, unless nobody may want it. */
class OpenTooLate extends Open {
  protected override async step(model: SharedModel, real: RealShared): Promise<void> {
    const id = model.connecting as number;
    const waiting = [...model.waiting];
    real.factory.openings[id]?.succeed();
    for (const call of waiting) {
      real.ctx(call).cancel(new CancelledError());
      model.cancelled(call);
    }
    // A connect that was given up is closed as soon as it is there.
    if (model.connecting !== undefined) model.opened("open");
  }
}

class Cancel extends Step {
  check(model: Readonly<SharedModel>): boolean {
    return model.waiting.length + model.unanswered.length > 0;
  }

  protected step(model: SharedModel, real: RealShared): void {
    const call = this.pick([...model.waiting, ...model.unanswered]);
    real.ctx(call).cancel(new CancelledError());
    model.cancelled(call);
    expect(real.pool.waiters).toBe(model.waiting.length);
  }
}

class Answer extends Step {
  check(model: Readonly<SharedModel>): boolean {
    return model.unanswered.length > 0;
  }

  protected step(model: SharedModel, real: RealShared): void {
    const call = this.pick(model.unanswered);
    const session = model.sessionOf(call);
    real.session(session).answer(`r${call}`);
    model.settle(call, `r${call} by ${session}`);
  }
}

class End extends Step {
  check(model: Readonly<SharedModel>): boolean {
    return model.used.length > 0;
  }

  protected step(model: SharedModel, real: RealShared): void {
    const call = this.pick(model.used);
    const session = model.sessionOf(call);
    real.session(session).answer(`r${call}`);
    model.settle(call, `r${call} by ${session}`);
    model.end(call);
    real.ctx(call).end(ok);
  }
}

abstract class OnCurrent extends Step {
  check(model: Readonly<SharedModel>): boolean {
    return model.current !== undefined && !model.at(model.current).unheard;
  }
}

class GoAway extends OnCurrent {
  protected step(model: SharedModel, real: RealShared): void {
    const id = model.current as number;
    const tell = this.i % 2 === 0;
    real.session(id).goAway(tell);
    if (tell) model.retire(id);
    else model.at(id).unheard = true;
  }
}

class Die extends OnCurrent {
  protected step(model: SharedModel, real: RealShared): void {
    const id = model.current as number;
    const calls = [...model.at(id).calls];
    real.session(id).die();
    model.retire(id);
    for (const call of calls) model.settle(call, "WEFT_TEST");
  }
}

class Busy extends OnCurrent {
  protected step(model: SharedModel, real: RealShared): void {
    const id = model.current as number;
    const session = model.at(id);
    session.busy = !session.busy;
    real.session(id).status = session.busy ? "busy" : "open";
  }
}

class Stale extends Step {
  check(model: Readonly<SharedModel>): boolean {
    return model.unanswered.length > 0;
  }

  protected step(model: SharedModel, real: RealShared): void {
    const call = this.pick(model.unanswered);
    const session = model.sessionOf(call);
    real.session(session).refuseStale(`r${call}`);
    model.stale(call, session);
  }
}

class Advance extends Step {
  check(): boolean {
    return true;
  }

  protected async step(model: SharedModel, real: RealShared): Promise<void> {
    model.advance(this.i);
    await real.clock.advance(this.i);
  }
}

class Close extends Step {
  check(model: Readonly<SharedModel>): boolean {
    return !model.closed;
  }

  protected step(model: SharedModel, real: RealShared): void {
    model.close();
    const closing = real.pool.close();
    expect(real.pool.close()).toBe(closing);
    real.closing = closing.then(() => {
      real.closeResolved = true;
    });
  }
}

const index = fc.nat(5);
const times = (n: number, of: fc.Arbitrary<Command>): fc.Arbitrary<Command>[] => Array.from({ length: n }, () => of);

export const sharedCommands: fc.Arbitrary<Command>[] = [
  ...times(
    6,
    fc.constantFrom(0, 0, 0, 60, 250, -5).map((ms) => new Call(ms)),
  ),
  ...times(4, fc.constant(new Open(0))),
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
    3,
    fc.constantFrom(0, 1, 50, 99, 100, 260, 700).map((ms) => new Advance(ms)),
  ),
  fc.constant(new OpenDead(0)),
  fc.constant(new Refuse(0)),
  fc.constant(new OpenTooLate(0)),
  index.map((i) => new GoAway(i)),
  fc.constant(new Die(0)),
  fc.constant(new Busy(0)),
  index.map((i) => new Stale(i)),
  fc.constant(new Close(0)),
];

/** Lets everything come to its end: afterwards nothing may be left of it. */
export async function finishShared(model: SharedModel, real: RealShared): Promise<void> {
  if (!model.closed) await new Close(0).run(model, real);
  while (model.used.length > 0) await new End(0).run(model, real);
  await real.closing;
  expect(real.calls.filter((each) => each.settled === "unsettled")).toEqual([]);
  for (const session of real.factory.sessions) expect(session.closes).toBe(1);
  expect(real.clock.armed).toBe(0);
  expect(real.stats.names().filter((name) => real.stats.readGauge(name) !== undefined)).toEqual([]);
}
