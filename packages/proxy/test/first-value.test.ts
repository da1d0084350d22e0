import { Activity, type ActivityState, pending, Var } from "@weftmesh/core";
import { describe, expect, it } from "vitest";
import { firstValue } from "../src/first-value.ts";

describe("the first value of an activity", () => {
  it("is the one that is there, or the first that comes, and is waited for no longer", async () => {
    expect(await firstValue(Activity.of(1))).toBe(1);
    const source = Var.source<ActivityState<number>>(pending);
    const coming = firstValue(new Activity(source));
    expect(source.observed).toBe(true);
    source.set({ state: "ok", value: 2 });
    expect(source.observed).toBe(false);
    source.set({ state: "ok", value: 3 });
    expect(await coming).toBe(2);
  });

  it("is a failure when that comes first", async () => {
    await expect(firstValue(Activity.failed(new Error("no")))).rejects.toThrow("no");
  });
});
