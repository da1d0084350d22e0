import { describe, expect, it } from "vitest";
import { Ctx, dispatch, failed, type Outcome, ok, type Service, service } from "../src/index.ts";

function watched(): { ctx: Ctx; heard: unknown[] } {
  const ctx = new Ctx();
  const heard: unknown[] = [];
  ctx.observe({
    onResponse: (_ctx, rep) => void heard.push(rep),
    onEnd: (_ctx, outcome: Outcome) => void heard.push(outcome),
  });
  return { ctx, heard };
}

describe("dispatch", () => {
  it("tells the ctx the answer and then the end", async () => {
    const { ctx, heard } = watched();
    await expect(
      dispatch(
        service(async (req: string) => `${req}!`),
        "x",
        ctx,
      ),
    ).resolves.toBe("x!");
    expect(heard).toEqual(["x!", ok]);
  });

  it("ends the ctx with the error of a call that rejects or throws", async () => {
    const error = new Error("no");
    const thrower: Service<string, string> = {
      ...service(() => Promise.resolve("")),
      call: () => {
        throw error;
      },
    };
    for (const svc of [service<string, string>(() => Promise.reject(error)), thrower]) {
      const { ctx, heard } = watched();
      await expect(dispatch(svc, "x", ctx)).rejects.toBe(error);
      expect(heard).toEqual([failed(error)]);
    }
  });
});
