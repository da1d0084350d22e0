import type { Activity } from "@weftmesh/core";

/** The first value or failure of an activity. It is observed only until then. */
export function firstValue<T>(activity: Activity<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let done = false;
    // What is there already is told within `subscribe`, before there is a subscription to end.
    let end: () => void = () => {};
    const subscription = activity.run.changes.subscribe((each) => {
      if (done || each.state === "pending") return;
      done = true;
      end();
      if (each.state === "ok") resolve(each.value);
      else reject(each.error);
    });
    end = () => subscription.unsubscribe();
    if (done) end();
  });
}
