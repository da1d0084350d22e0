import type { Ctx, Observer, Outcome } from "@weftmesh/core";
import { judgesEnds, type Verdict, verdictOfFailure, verdictOfHead } from "./verdict.ts";

/** What a call asks of the breaker that it went through. */
export interface CallJudge {
  readonly isLimited: ((rep: unknown) => boolean) | undefined;
  record(era: number, verdict: Verdict, cause: Error | undefined): void;
  probeHead(probe: ProbeCall): void;
  probeEnd(probe: ProbeCall, verdict: Verdict, cause: Error | undefined): void;
}

/**
 * One call on its way to a verdict, which it gives once: at the head when that is bad, else at the end.
 *
 * Shape: a good head is enough to bring an endpoint back, even where the trailers may yet say that the call failed: a
 * stream may last for days.
 * Cost: one object per call, and one classification, two when the body fails or its end was awaited.
 */
abstract class JudgedCall implements Observer {
  protected readonly judge: CallJudge;
  readonly #req: unknown;
  #rep: unknown = undefined;
  #head: Verdict | undefined = undefined;

  constructor(judge: CallJudge, req: unknown) {
    this.judge = judge;
    this.#req = req;
  }

  /** What the head of the answer said, once it is there. */
  get head(): Verdict | undefined {
    return this.#head;
  }

  onResponse(ctx: Ctx, rep: unknown): void {
    if (this.#head !== undefined) return;
    const verdict = verdictOfHead(ctx, this.#req, rep, this.judge.isLimited);
    this.#head = verdict;
    this.#rep = rep;
    if (verdict === "failure" || verdict === "limited") this.settle(verdict, undefined);
    else this.headIsGood();
  }

  onEnd(ctx: Ctx, outcome: Outcome): void {
    const head = this.#head;
    if (head === "failure" || head === "limited") return;
    if (outcome.kind === "ok") {
      const isKnown = head !== undefined && !judgesEnds(ctx);
      this.settle(isKnown ? head : verdictOfHead(ctx, this.#req, this.#rep, this.judge.isLimited), undefined);
      return;
    }
    const verdict = verdictOfFailure(ctx, this.#req, this.#rep, outcome.error);
    // A caller that has seen enough of a good answer takes nothing back from it.
    if (verdict === "ignorable") this.settle(head ?? verdict, undefined);
    else this.settle(verdict, verdict === "failure" ? outcome.error : undefined);
  }

  protected abstract settle(verdict: Verdict, cause: Error | undefined): void;

  protected headIsGood(): void {}
}

/** A call to an endpoint that was alive: it counts in that life and in no other. */
export class CountedCall extends JudgedCall {
  readonly #era: number;

  constructor(judge: CallJudge, req: unknown, era: number) {
    super(judge, req);
    this.#era = era;
  }

  protected settle(verdict: Verdict, cause: Error | undefined): void {
    this.judge.record(this.#era, verdict, cause);
  }
}

/** The call by which an endpoint may come back. */
export class ProbeCall extends JudgedCall {
  /** Of the outage that it probes, and of the life to which it belongs if its head alone has ended that. */
  era: number;
  /** The outage is over by this call: what comes of it yet counts as that of any call. */
  isOver = false;

  constructor(judge: CallJudge, req: unknown, era: number) {
    super(judge, req);
    this.era = era;
  }

  protected settle(verdict: Verdict, cause: Error | undefined): void {
    if (this.isOver) this.judge.record(this.era, verdict, cause);
    else this.judge.probeEnd(this, verdict, cause);
  }

  protected override headIsGood(): void {
    this.judge.probeHead(this);
  }
}
