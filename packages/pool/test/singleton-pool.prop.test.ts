import fc from "fast-check";
import { describe, it } from "vitest";
import { arbSharedSetup, finishShared, RealShared, SharedModel, sharedCommands } from "./singleton-commands.ts";

describe("SingletonPool", () => {
  it("shares one session and one connect through anything that may happen, and leaves nothing behind", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbSharedSetup,
        fc.commands(sharedCommands, { maxCommands: 60, size: "max" }),
        async (setup, commands) => {
          const model = new SharedModel(setup);
          const real = new RealShared(setup);
          await fc.asyncModelRun(() => ({ model, real }), commands);
          await finishShared(model, real);
        },
      ),
      { numRuns: Number(process.env["WEFT_RUNS"] ?? 400) },
    );
  }, 120_000);
});
