import {
  asError,
  CancelledError,
  Ctx,
  failed,
  type Module,
  type Outcome,
  ok,
  type Param,
  Params,
  type Service,
  Stack,
  type Status,
  type Timer,
} from "@weftmesh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbOutcome } from "../arbitraries/scripts.ts";
import { ManualClock, settle } from "../manual-clock.ts";
import { type Answer, answerNever, answerOk, answerThrow, ScriptedService } from "../scripted-service.ts";

/** What a suite must know of a module to judge it. */
export interface ModuleCase<Req, Rep> {
  /** Parameters with which the module does its work. */
  readonly params: (clock: ManualClock) => Params;
  /** Parameters with which the module leaves itself out, where it can. */
  readonly disabled?: (clock: ManualClock) => Params;
  /** A fresh request and a fresh reply; `{}` if not given. */
  readonly request?: () => Req;
  readonly reply?: () => Rep;
  /** Takes what is left of a reply, such as its body, so that the call may end. */
  readonly finish?: (rep: Rep) => void;
  /** How often it may call the next service for one call; 1 if not given. */
  readonly maxCalls?: number;
  /** Status or close of its own, other than what stands below. */
  readonly ownLifeCycle?: boolean;
}

/** Ten days: longer than anything that a module should wait for. */
const foreverMs = 864_000_000;

/**
 * What every stack module owes, as a suite: run it with your own.
 *
 * Shape: the module stands above a scripted service, in virtual time; `params` must set every parameter that has no
 * usable default, `ClockParam` and `RngParam` among them.
 */
export function describeModule<Req, Rep>(module: Module<Service<Req, Rep>>, subject: ModuleCase<Req, Rep>): void {
  const newRequest = subject.request ?? (() => ({}) as Req);
  const newReply = subject.reply ?? (() => ({}) as Rep);

  function build(inner: Service<Req, Rep>, params: Params): Service<Req, Rep> {
    return new Stack([module], () => inner).make(params);
  }

  function above(script: readonly Answer<Rep>[] | ((n: number) => Answer<Rep>)): {
    clock: ManualClock;
    inner: ScriptedService<Req, Rep>;
    built: Service<Req, Rep>;
  } {
    const clock = new ManualClock();
    const inner = new ScriptedService<Req, Rep>(clock, script);
    return { clock, inner, built: build(inner, subject.params(clock)) };
  }

  describe(`module ${module.role}`, () => {
    it("has a role, a description and declared parameters with names of their own", () => {
      expect(module.role).toMatch(/^[a-z][a-zA-Z0-9]*(\.[a-zA-Z0-9]+)*$/);
      expect(module.description).toMatch(/\S/);
      expect(module.description).not.toMatch(/\.$/);
      const names = Object.values(module.params).map((each) => each.name);
      for (const name of names) expect(name).not.toBe("");
      expect(new Set(names).size).toBe(names.length);
    });

    it("reads no parameter that it does not declare", () => {
      const clock = new ManualClock();
      const read = new Set<Param<unknown>>();
      const inner = new ScriptedService<Req, Rep>(clock, [answerOk(newReply())]);
      // What stands below gets the parameters as they are: only the module's own reading counts.
      module.make(watched(subject.params(clock), read), new Stack<Service<Req, Rep>>([], () => inner));
      const declared = new Set<Param<unknown>>(Object.values(module.params));
      expect([...read].filter((key) => !declared.has(key)).map((key) => key.name)).toEqual([]);
    });

    it("makes a new service each time, and leaves its parameters as they were", () => {
      const clock = new ManualClock();
      const params = subject.params(clock);
      const before = [...params];
      const inner = new ScriptedService<Req, Rep>(clock, [answerOk(newReply())]);
      expect(build(inner, params)).not.toBe(build(inner, params));
      expect([...params]).toEqual(before);
    });

    it.runIf(subject.disabled !== undefined)("is no layer at all when it is disabled", () => {
      const clock = new ManualClock();
      const inner = new ScriptedService<Req, Rep>(clock, [answerOk(newReply())]);
      expect(build(inner, subject.disabled?.(clock) ?? Params.empty)).toBe(inner);
    });

    it.runIf(subject.ownLifeCycle !== true)("has the status of what stands below, and closes it once", async () => {
      const { inner, built } = above([answerOk(newReply())]);
      for (const status of ["open", "busy", "closed"] satisfies Status[]) {
        inner.status = status;
        expect(built.status).toBe(status);
      }
      await built.close();
      expect(inner.closes).toBe(1);
    });

    it("passes a plain call through and never ends the caller's ctx", async () => {
      const { clock, inner, built } = above([answerOk(newReply(), 0)]);
      const ctx = new Ctx();
      const call = built.call(newRequest(), ctx);
      await clock.advance(0);
      subject.finish?.(await call);
      expect(inner.calls).toHaveLength(1);
      expect(ctx.ended).toBe(false);
    });

    it("lets a cancelled call through to what stands below, which rejects with the reason", async () => {
      const { clock, inner, built } = above([answerNever]);
      const ctx = new Ctx();
      const call = built.call(newRequest(), ctx);
      call.catch(() => {});
      await settle();
      expect(inner.calls).toHaveLength(1);
      const reason = new CancelledError("enough");
      ctx.cancel(reason);
      expect(inner.calls[0]?.outcome).toBe("cancelled");
      await expect(call).rejects.toBe(reason);
      ctx.end(failed(reason));
      await built.close();
      await clock.advance(0);
      expect(clock.armed).toBe(0);
    });

    it("turns a throw below into a rejection", async () => {
      const { clock, built } = above([answerThrow("thrown below")]);
      const ctx = new Ctx();
      let call: Promise<Rep> | undefined;
      expect(() => {
        call = built.call(newRequest(), ctx);
      }).not.toThrow();
      const caught = expect(call).rejects.toBeInstanceOf(Error);
      await clock.advance(foreverMs);
      await caught;
      ctx.end(failed(new CancelledError()));
      await built.close();
      expect(clock.armed).toBe(0);
    });

    it("settles each call once, calls below no more than it may, ends every attempt and leaves no timer", async () => {
      const arbCall = fc.record({
        answers: fc.array(arbOutcome(fc.constant(undefined)), { minLength: 1, maxLength: 4 }),
        startMs: fc.nat({ max: 2000 }),
        cancelMs: fc.option(fc.integer({ min: 0, max: 5000 }), { nil: undefined }),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(arbCall, { maxLength: 8 }), async (plan) => {
          const clock = new ManualClock();
          const script = new Map<Req, { answers: readonly Answer<undefined>[]; used: number }>();
          const inner = new ScriptedService<Req, Rep>(clock, (_n, req) => {
            const mine = script.get(req) ?? [...script.values()][0];
            if (mine === undefined) return answerOk(newReply());
            const answer = mine.answers[Math.min(mine.used++, mine.answers.length - 1)] as Answer<undefined>;
            return answer.kind === "ok" ? { ...answer, rep: newReply() } : answer;
          });
          const built = build(inner, subject.params(clock));
          const calls = plan.map((each) => {
            const req = newRequest();
            script.set(req, { answers: each.answers, used: 0 });
            return new Driven(clock, built, req, each, subject.finish);
          });
          await clock.advance(foreverMs);
          for (const call of calls) call.giveUp();
          await clock.advance(foreverMs);
          for (const call of calls) {
            expect(call.settled).toBe(1);
            expect(call.ends).toHaveLength(1);
          }
          const most = (subject.maxCalls ?? 1) * plan.length;
          expect(inner.calls.length).toBeLessThanOrEqual(most);
          expect(inner.inFlight).toBe(0);
          for (const { ctx } of inner.calls) expect(ctx.ended).toBe(true);
          await built.close();
          await clock.advance(0);
          expect(clock.armed).toBe(0);
        }),
      );
    });
  });
}

/** One call of a plan: started, perhaps cancelled, and ended as its maker should. */
class Driven<Req, Rep> {
  settled = 0;
  readonly ends: Outcome[] = [];
  readonly #ctx: Ctx = new Ctx();
  #cancel: Timer | undefined;

  constructor(
    clock: ManualClock,
    built: Service<Req, Rep>,
    req: Req,
    plan: { readonly startMs: number; readonly cancelMs: number | undefined },
    finish: ((rep: Rep) => void) | undefined,
  ) {
    this.#ctx.observe({ onEnd: (_ctx, outcome) => void this.ends.push(outcome) });
    clock.after(plan.startMs, () => {
      if (plan.cancelMs !== undefined) this.#cancel = clock.after(plan.cancelMs, () => this.giveUp());
      built.call(req, this.#ctx).then(
        (rep) => {
          this.settled++;
          this.#ctx.respond(rep);
          finish?.(rep);
          this.#end(ok);
        },
        (thrown: unknown) => {
          this.settled++;
          this.#end(failed(asError(thrown)));
        },
      );
    });
  }

  giveUp(): void {
    this.#ctx.cancel(new CancelledError("the test gave up"));
  }

  #end(outcome: Outcome): void {
    this.#cancel?.cancel();
    this.#ctx.end(outcome);
  }
}

/** The parameters, and a note of which were read. */
function watched(params: Params, read: Set<Param<unknown>>): Params {
  return new Proxy(params, {
    get(target, name) {
      if (name === "get" || name === "has") {
        return (key: Param<unknown>) => {
          read.add(key);
          return target[name](key);
        };
      }
      if (name === "pick") {
        return (spec: Record<string, Param<unknown>>) => {
          for (const key of Object.values(spec)) read.add(key);
          return target.pick(spec);
        };
      }
      if (name === "with" || name === "without") {
        return (key: Param<unknown>, value: unknown) =>
          watched(name === "with" ? target.with(key, value as never) : target.without(key), read);
      }
      if (name === "merge") return (other: Params) => watched(target.merge(other), read);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
