import {
  LoadSheddingParam,
  LoadSheddingRole,
  loadShedding,
  systemEventLoopDelay,
  systemMemoryUse,
  type Thresholds,
} from "@weftmesh/admission";
import { decimal, definePlugin, type Plugin, PositiveCount } from "@weftmesh/config";
import { ClockParam, Params, withParams } from "@weftmesh/core";
import * as z from "zod";

const thresholds = (most: number, expects: string, [low, high, full]: readonly [number, number, number]) => {
  const figure = (value: number, what: string) => decimal(0, most, expects, value).default(value).describe(what);
  return z
    .strictObject({
      low: figure(low, "Up to here nothing is refused"),
      high: figure(high, "From here on more is refused from look to look"),
      full: figure(full, "From here on everything is refused"),
    })
    .refine((each) => each.low < each.high && each.high <= each.full, {
      path: ["high"],
      message: "low, high and full do not rise",
    });
};

/** What a config may say of it. */
export interface LoadSheddingConfig {
  readonly eventLoopDelayMs: Thresholds;
  readonly memoryRatio: Thresholds;
  readonly priorities: number;
}

const schema = (): z.ZodType<LoadSheddingConfig> =>
  z.strictObject({
    eventLoopDelayMs: thresholds(60_000, "milliseconds: a number from 0 to 60000", [50, 100, 1000])
      .prefault({})
      .describe("How late the event loop may be"),
    memoryRatio: thresholds(1, "a number from 0 to 1", [0.8, 0.9, 0.97])
      .prefault({})
      .describe("How much of its memory the process may use"),
    priorities: PositiveCount.default(1).describe("Priorities that are told apart; a plugin sets them"),
  });

/** Refuses a share of the requests while the process is short of time or memory: `kind: dev.weftmesh.loadShedding`. */
export const loadSheddingModule: Plugin<"module", LoadSheddingConfig> = definePlugin({
  type: "module",
  kind: "dev.weftmesh.loadShedding",
  schema,
  make: (options, params) => ({
    role: LoadSheddingRole,
    stackable: () =>
      withParams(
        loadShedding(),
        Params.empty.with(LoadSheddingParam, {
          ...options,
          eventLoopDelay: systemEventLoopDelay(params.get(ClockParam)),
          memoryUse: systemMemoryUse(),
        }),
      ),
  }),
});
