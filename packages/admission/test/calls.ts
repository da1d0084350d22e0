import { asError, CancelledError, Ctx, failed, ok, type Service } from "@weftmesh/core";
import { answerNever, type ManualClock, ScriptedService, settle } from "@weftmesh/testkit";

/** What became of a call so far: its error's code, once it was refused. */
export type Fate = "waiting" | "started" | "answered" | (string & {});

class Tracked {
  readonly ctx: Ctx = new Ctx();
  fate: Fate = "waiting";
}

/** Calls through one service over another that answers when the test says so, each known by its number. */
export class Calls {
  readonly inner: ScriptedService<number, string>;
  /** The numbers of those that came through, in order. */
  readonly started: number[] = [];
  readonly #calls: Tracked[] = [];
  readonly #subject: Service<number, string>;

  constructor(clock: ManualClock, build: (inner: Service<number, string>) => Service<number, string>) {
    this.inner = new ScriptedService<number, string>(clock, (_n, req) => {
      this.started.push(req);
      const call = this.#calls[req];
      if (call !== undefined) call.fate = "started";
      return answerNever;
    });
    this.#subject = build(this.inner);
  }

  get fates(): readonly Fate[] {
    return this.#calls.map((each) => each.fate);
  }

  ctx(n: number): Ctx {
    return (this.#calls[n] as Tracked).ctx;
  }

  /** Makes the next call. Time stands still, but promises settle. */
  async call(deadlineMs = Number.POSITIVE_INFINITY): Promise<number> {
    const n = this.#calls.length;
    const call = new Tracked();
    call.ctx.deadline = deadlineMs;
    this.#calls.push(call);
    this.#subject.call(n, call.ctx).catch((thrown: unknown) => {
      const error = asError(thrown);
      call.fate = String(Reflect.get(error, "code"));
      call.ctx.end(failed(error));
    });
    await settle();
    return n;
  }

  /** Ends a call that came through. */
  async end(n: number): Promise<void> {
    const call = this.#calls[n] as Tracked;
    call.fate = "answered";
    call.ctx.end(ok);
    await settle();
  }

  async cancel(n: number): Promise<void> {
    this.ctx(n).cancel(new CancelledError());
    await settle();
  }

  /** Lets go of whatever is left. */
  async giveUp(): Promise<void> {
    for (const { ctx } of this.#calls) ctx.cancel(new CancelledError());
    await settle();
  }
}
