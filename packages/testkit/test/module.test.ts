import {
  asError,
  type Ctx,
  defineModule,
  failed,
  filterModule,
  ok,
  Params,
  param,
  role,
  type Service,
} from "@weftmesh/core";
import { describeModule } from "../src/index.ts";

const Enabled = param("enabled", false);
const Attempts = param("attempts", 1);

const passThrough = filterModule({
  role: role("passThrough"),
  description: "Does nothing, in every way that is right",
  params: { enabled: Enabled },
  filter: ({ enabled }) =>
    enabled
      ? (req, ctx, next) => {
          try {
            return next.call(req, ctx);
          } catch (thrown) {
            return Promise.reject(thrown);
          }
        }
      : undefined,
});

describeModule(passThrough<object, object>(), {
  params: () => Params.empty.with(Enabled, true),
  disabled: () => Params.empty,
});

/** Tries again after every failure, each time in a ctx of its own. */
class Retrying implements Service<object, object> {
  readonly #next: Service<object, object>;
  readonly #attempts: number;

  constructor(next: Service<object, object>, attempts: number) {
    this.#next = next;
    this.#attempts = attempts;
  }

  async call(req: object, ctx: Ctx): Promise<object> {
    for (let left = this.#attempts; ; left--) {
      const attempt = ctx.fork();
      try {
        const rep = await this.#next.call(req, attempt);
        attempt.respond(rep);
        attempt.end(ok);
        return rep;
      } catch (thrown) {
        attempt.end(failed(asError(thrown)));
        if (left === 1 || ctx.cancelled !== undefined) throw thrown;
      }
    }
  }

  get status() {
    return this.#next.status;
  }

  close(): Promise<void> {
    return this.#next.close();
  }
}

const retrying = defineModule<Service<object, object>, { attempts: typeof Attempts }>({
  role: role("retrying"),
  description: "Tries again",
  params: { attempts: Attempts },
  make: ({ attempts }, next) => new Retrying(next, attempts),
});

describeModule(retrying, { params: () => Params.empty.with(Attempts, 3), maxCalls: 3 });
