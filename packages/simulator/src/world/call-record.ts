import { type CtxKey, ctxKey, type Module, type Role, role } from "@weftmesh/core";
import type { SimService } from "../experiment.ts";

/** What the attempts of one call have in common. */
export class CallRecord {
  attempts = 0;
}

export const CallKey: CtxKey<CallRecord | undefined> = ctxKey<CallRecord | undefined>("simulator.call", undefined);

/** What hears of each attempt. */
export interface AttemptCounter {
  /** `isRetry`: not the first of its call, be it a retry, a requeue or a hedge. */
  attempt(isRetry: boolean): void;
}

export const attemptCountRole: Role = role("simulator.attempts");

/** Counts the attempts that reach the pool or the wire, whatever then becomes of them. */
export function attemptCount(counter: AttemptCounter): Module<SimService> {
  return {
    role: attemptCountRole,
    description: "Counts the attempts of the simulation",
    params: {},
    make: (params, next) => {
      const below = next.make(params);
      return {
        call: (req, ctx) => {
          const record = ctx.get(CallKey);
          counter.attempt(record !== undefined && ++record.attempts > 1);
          return below.call(req, ctx);
        },
        get status() {
          return below.status;
        },
        close: () => below.close(),
      };
    },
  };
}
