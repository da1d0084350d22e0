import { type Classifier, ClassifierKey, type Ctx, type Module, type Observer, type Role, role } from "@weftmesh/core";
import { type HeaderField, type HttpRequest, type HttpResponse, headerField } from "@weftmesh/http";
import { ErrorResponse } from "./error-response.ts";
import { type HttpFilter, type HttpService, httpFilterModule } from "./http-service.ts";
import { L5d } from "./linkerd-headers.ts";

export const SuccessClassRole: Role = role("successClass");

const success: HeaderField = headerField(L5d.successClass, "1.0");
const failure: HeaderField = headerField(L5d.successClass, "0.0");

/** Classifies at the head of a response, and overwrites what a backend may have claimed. */
class SuccessClassWriter implements Observer {
  readonly #req: HttpRequest;
  readonly #classifier: Classifier;

  constructor(req: HttpRequest, classifier: Classifier) {
    this.#req = req;
    this.#classifier = classifier;
  }

  onResponse(_ctx: Ctx, rep: unknown): void {
    // Not told by `l5d-err`: a backend may write that as well, and with it whatever class it likes.
    if (rep instanceof ErrorResponse) return;
    const { headers } = rep as HttpResponse;
    const succeeded = this.#classifier.classify(this.#req, rep, undefined) === "success";
    headers.setField(succeeded ? success : failure);
  }

  onEnd(): void {}
}

const write: HttpFilter = (req, ctx, next) => {
  const classifier = ctx.get(ClassifierKey);
  if (classifier !== undefined) ctx.observe(new SuccessClassWriter(req, classifier));
  return next.call(req, ctx);
};

/** Must be below the module that sets the classifier of the call. */
export const successClass: Module<HttpService> = httpFilterModule({
  role: SuccessClassRole,
  description: "Tells the caller in l5d-success-class how the response was classified",
  params: {},
  filter: () => write,
});
