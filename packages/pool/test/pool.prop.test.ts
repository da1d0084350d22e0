import fc from "fast-check";
import { describe, it } from "vitest";
import { arbSetup, finish, PoolModel, poolCommands, RealPool } from "./pool-commands.ts";

describe("Pool", () => {
  it("keeps to its bounds, order and limits through anything that may happen, and leaves nothing behind", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbSetup,
        fc.commands(poolCommands, { maxCommands: 60, size: "max" }),
        async (setup, commands) => {
          const model = new PoolModel(setup);
          const real = new RealPool(setup);
          await fc.asyncModelRun(() => ({ model, real }), commands);
          await finish(model, real);
        },
      ),
      { numRuns: Number(process.env["WEFT_RUNS"] ?? 400) },
    );
  }, 120_000);
});
