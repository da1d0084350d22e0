import type { Activity } from "@weftmesh/core";

/** The first value or failure of an activity. It is observed only until then. */
export function firstValue<T>(activity: Activity<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let done = false;
    const subscription = activity.run.changes.subscribe((each) => {
      if (done || each.state === "pending") return;
      done = true;
      if (each.state === "ok") resolve(each.value);
      else reject(each.error);
      subscription?.unsubscribe();
    });
    if (done) subscription.unsubscribe();
  });
}
