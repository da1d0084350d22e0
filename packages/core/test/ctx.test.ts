import { describe, expect, it } from "vitest";
import { CancelledError, Ctx, ctxKey, failed, type Outcome, ok } from "../src/index.ts";

class Log {
  readonly lines: string[] = [];

  observer(name: string): { onResponse(ctx: Ctx, rep: unknown): void; onEnd(ctx: Ctx, outcome: Outcome): void } {
    return {
      onResponse: (_ctx, rep) => void this.lines.push(`${name} ${String(rep)}`),
      onEnd: (_ctx, outcome) => void this.lines.push(`${name} ${outcome.kind}`),
    };
  }
}

describe("Ctx", () => {
  it("tells observers the head and the end in reverse order of their registration", () => {
    const log = new Log();
    const ctx = new Ctx();
    for (const name of ["a", "b", "c"]) ctx.observe(log.observer(name));
    ctx.respond("head");
    ctx.end(ok);
    expect(log.lines).toEqual(["c head", "b head", "a head", "c ok", "b ok", "a ok"]);
  });

  it("tells a late observer the outcome at once, and nothing else", () => {
    const log = new Log();
    const ctx = new Ctx();
    ctx.respond("head");
    ctx.end(ok);
    ctx.observe(log.observer("late"));
    expect(log.lines).toEqual(["late ok"]);
  });

  it("hears nothing of a response that comes after the end", () => {
    const log = new Log();
    const ctx = new Ctx();
    ctx.observe(log.observer("a"));
    ctx.end(failed(new CancelledError()));
    ctx.respond("too late");
    ctx.end(ok);
    expect(log.lines).toEqual(["a failed"]);
  });

  it("lets an observer register another while it hears of the end", () => {
    const log = new Log();
    const ctx = new Ctx();
    ctx.observe({ onEnd: () => ctx.observe(log.observer("inner")) });
    ctx.observe(log.observer("outer"));
    ctx.end(ok);
    expect(log.lines).toEqual(["outer ok", "inner ok"]);
  });

  it("tells a late cancel listener the reason at once, and none after the end", () => {
    const reason = new CancelledError();
    const cancelled = new Ctx();
    cancelled.cancel(reason);
    const heard: Error[] = [];
    cancelled.onCancel((each) => void heard.push(each));
    expect(heard).toEqual([reason]);
    const ended = new Ctx();
    ended.end(ok);
    ended.cancel(reason);
    ended.onCancel((each) => void heard.push(each));
    expect(heard).toHaveLength(1);
    expect(ended.cancelled).toBeUndefined();
  });

  it("makes a fork of a cancelled call cancelled, and leaves a fork of an ended one alone", () => {
    const reason = new CancelledError();
    const cancelled = new Ctx();
    cancelled.cancel(reason);
    expect(cancelled.fork().cancelled).toBe(reason);
    const ended = new Ctx();
    ended.end(ok);
    expect(ended.fork().cancelled).toBeUndefined();
  });

  it("gives a fork the deadline of its parent at that time", () => {
    const ctx = new Ctx();
    expect(ctx.deadline).toBe(Number.POSITIVE_INFINITY);
    ctx.deadline = 5;
    const fork = ctx.fork();
    fork.deadline = 3;
    expect([ctx.deadline, fork.deadline]).toEqual([5, 3]);
  });

  it("survives listeners and forks that end themselves while they are cancelled", () => {
    const ctx = new Ctx();
    const forks = [ctx.fork(), ctx.fork(), ctx.fork()];
    const outcomes: string[] = [];
    for (const fork of forks) {
      fork.observe({ onEnd: (_ctx, outcome) => void outcomes.push(outcome.kind) });
      fork.onCancel((reason) => fork.end(failed(reason)));
    }
    ctx.onCancel(() => forks[1]?.end(ok));
    ctx.cancel(new CancelledError());
    expect(outcomes).toEqual(["ok", "failed", "failed"]);
  });

  it("keeps values by the identity of their key", () => {
    const a = ctxKey("same name", 0);
    const b = ctxKey("same name", 1);
    const ctx = new Ctx().set(a, 7);
    expect([ctx.get(a), ctx.get(b)]).toEqual([7, 1]);
  });
});
