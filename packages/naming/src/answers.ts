import { Activity, type ActivityState, asError, pending, Var } from "@weftmesh/core";

interface Subscription {
  unsubscribe(): void;
}

class Answer<T> {
  state: ActivityState<T> = pending;
  round = 0;
  subscription: Subscription | undefined;
}

/**
 * A value worked out of the answers to questions, again whenever one of the answers changes.
 *
 * Shape: `work` asks as it goes along, so which questions there are depends on the answers. A question is observed
 * from when it is first asked until it is not asked any more. `work` runs to its end before it runs again, also when
 * answers change meanwhile; only a result that is not the `same` as the last is told.
 */
export class Answers<Q, A, T> {
  readonly #spec: AnswersSpec<Q, A, T>;
  readonly #tell: (result: ActivityState<T>) => void;
  readonly #answers = new Map<string, Answer<A>>();
  #last: ActivityState<T> = pending;
  #round = 0;
  #working = false;
  #changed = false;
  #stopped = false;

  private constructor(spec: AnswersSpec<Q, A, T>, tell: (result: ActivityState<T>) => void) {
    this.#spec = spec;
    this.#tell = tell;
    this.#work();
  }

  /** The work as an activity; it is done while somebody observes it, and once for all who do. */
  static activity<Q, A, T>(spec: () => AnswersSpec<Q, A, T>): Activity<T> {
    return new Activity(
      Var.async<ActivityState<T>>(pending, (update) => {
        // What was found for earlier observers may be long out of date.
        update(pending);
        const answers = new Answers(spec(), update);
        return () => answers.#stop();
      }),
    );
  }

  #work(): void {
    this.#changed = true;
    if (this.#working) return;
    this.#working = true;
    let result: ActivityState<T> = this.#last;
    while (this.#changed && !this.#stopped) {
      this.#changed = false;
      this.#round++;
      try {
        result = this.#spec.work((question) => this.#ask(question));
      } catch (thrown) {
        result = { state: "failed", error: asError(thrown) };
      }
      this.#dropUnasked();
    }
    this.#working = false;
    if (this.#stopped || this.#isLast(result)) return;
    this.#last = result;
    this.#tell(result);
  }

  #ask(question: Q): ActivityState<A> {
    const key = this.#spec.keyOf(question);
    let answer = this.#answers.get(key);
    if (answer === undefined) {
      answer = new Answer<A>();
      this.#answers.set(key, answer);
      this.#observe(question, answer);
    }
    answer.round = this.#round;
    return answer.state;
  }

  #observe(question: Q, answer: Answer<A>): void {
    let asked = false;
    const set = (state: ActivityState<A>): void => {
      answer.state = state;
      if (asked) this.#work();
    };
    try {
      const subscription = this.#spec.look(question).run.changes.subscribe({
        next: set,
        error: (thrown: unknown) => set({ state: "failed", error: asError(thrown) }),
      });
      if (this.#stopped) subscription.unsubscribe();
      else answer.subscription = subscription;
    } catch (thrown) {
      set({ state: "failed", error: asError(thrown) });
    }
    asked = true;
  }

  #dropUnasked(): void {
    for (const [key, answer] of this.#answers) {
      if (answer.round === this.#round) continue;
      this.#answers.delete(key);
      answer.subscription?.unsubscribe();
    }
  }

  #isLast(result: ActivityState<T>): boolean {
    const last = this.#last;
    if (result.state === "ok") return last.state === "ok" && this.#spec.same(last.value, result.value);
    if (result.state === "failed") return last.state === "failed" && last.error.message === result.error.message;
    return last.state === "pending";
  }

  #stop(): void {
    this.#stopped = true;
    for (const answer of this.#answers.values()) answer.subscription?.unsubscribe();
    this.#answers.clear();
  }
}

export interface AnswersSpec<Q, A, T> {
  /** Two questions with one key are one. */
  keyOf(question: Q): string;
  look(question: Q): Activity<A>;
  /** Must not keep `ask` beyond its return. What it throws is the failure of the result. */
  work(ask: (question: Q) => ActivityState<A>): ActivityState<T>;
  same(a: T, b: T): boolean;
}
