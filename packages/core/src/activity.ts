import { asError } from "./errors.ts";
import { Var } from "./var.ts";

export type ActivityState<T> =
  | { readonly state: "pending" }
  | { readonly state: "ok"; readonly value: T }
  | { readonly state: "failed"; readonly error: Error };

export const pending: ActivityState<never> = { state: "pending" };

/** A changing value that may not be there yet, or have failed. */
export class Activity<T> {
  readonly run: Var<ActivityState<T>>;

  constructor(run: Var<ActivityState<T>>) {
    this.run = run;
  }

  static readonly pending: Activity<never> = new Activity<never>(Var.of(pending));

  static of<T>(value: T): Activity<T> {
    return new Activity<T>(Var.of<ActivityState<T>>({ state: "ok", value }));
  }

  static failed(error: Error): Activity<never> {
    return new Activity<never>(Var.of<ActivityState<never>>({ state: "failed", error }));
  }

  /** All values when all are there; else the first in order that is not. */
  static all<T>(activities: readonly Activity<T>[]): Activity<readonly T[]> {
    return new Activity(
      Var.all(activities.map((each) => each.run)).map((states): ActivityState<readonly T[]> => {
        const values: T[] = [];
        for (const each of states) {
          if (each.state !== "ok") return each;
          values.push(each.value);
        }
        return { state: "ok", value: values };
      }),
    );
  }

  map<U>(f: (value: T) => U): Activity<U> {
    return new Activity(this.run.map((each) => mapState(each, f)));
  }

  flatMap<U>(f: (value: T) => Activity<U>): Activity<U> {
    return new Activity<U>(
      this.run.flatMap((each): Var<ActivityState<U>> => {
        if (each.state !== "ok") return Var.of<ActivityState<U>>(each);
        try {
          return f(each.value).run;
        } catch (thrown) {
          return Var.of<ActivityState<U>>({ state: "failed", error: asError(thrown) });
        }
      }),
    );
  }

  /** Once there was a value, the last one is kept through everything that is not a value. */
  stabilize(): Activity<T> {
    const source = this.run;
    let last: ActivityState<T> | undefined;
    return new Activity(
      source.map((each) => {
        if (each.state === "ok") last = each;
        return last ?? each;
      }),
    );
  }

  sample(): ActivityState<T> {
    return this.run.sample();
  }
}

function mapState<T, U>(each: ActivityState<T>, f: (value: T) => U): ActivityState<U> {
  if (each.state !== "ok") return each;
  try {
    return { state: "ok", value: f(each.value) };
  } catch (thrown) {
    return { state: "failed", error: asError(thrown) };
  }
}
