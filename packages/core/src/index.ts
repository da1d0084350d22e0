export { Activity, type ActivityState, pending } from "./activity.ts";
export { type Clock, ClockParam, noClock, type Timer } from "./clock.ts";
export { Ctx, type CtxKey, ctxKey, failed, type Observer, type Outcome, ok } from "./ctx.ts";
export { dispatch } from "./dispatch.ts";
export {
  asError,
  CancelledError,
  ClosedError,
  type ErrorFlag,
  hasFlag,
  isWeftError,
  WeftError,
  type WeftErrorOptions,
} from "./errors.ts";
export { type AnyFilter, andThen, type Filter, filtered } from "./filter.ts";
export { type Param, type ParamSpec, Params, type ParamValues, param } from "./params.ts";
export { type Classifier, ClassifierKey, defaultClassifier, type ResponseClass } from "./response-class.ts";
export { nextInt, type Rng, RngParam } from "./rng.ts";
export { failing, type NewService, type Service, type ServiceFactory, service } from "./service.ts";
export { type SessionLeaf, sessionsBelow, UnpooledService, unpooled } from "./session-leaf.ts";
export {
  defineModule,
  filterModule,
  type Module,
  type Role,
  role,
  Stack,
  StackRoleError,
  withParams,
} from "./stack.ts";
export { best, bestOf, compareStatus, type Status, worst, worstOf } from "./status.ts";
export { systemClock, systemRng } from "./system.ts";
export { TimerWheel, type WheelDriver } from "./timer-wheel.ts";
export { Var, VarSource } from "./var.ts";
