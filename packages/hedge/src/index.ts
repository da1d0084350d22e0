export { SupersededError } from "./errors.ts";
export { Hedge, type HedgeOptions } from "./hedge.ts";
export {
  HedgeClientBudget,
  HedgeRole,
  hedge,
  LoserGraceMs,
  MaxExtraLoad,
  MinHedgeDelayMs,
  SendInterrupts,
} from "./hedge-module.ts";
export { type HedgeProtocol, wholeAnswers } from "./hedge-protocol.ts";
export { type HttpHedgingOptions, httpHedging } from "./http-hedging.ts";
export { PercentileWindow } from "./percentile-window.ts";
