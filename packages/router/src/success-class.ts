import { type Classifier, ClassifierKey, type Ctx, type Module, type Observer, type Role, role } from "@weftmesh/core";
import {
  BodyRelay,
  type HeaderField,
  Headers,
  type HttpRequest,
  type HttpResponse,
  headerField,
  TunnelResponse,
} from "@weftmesh/http";
import { clearTrailers } from "./clear-trailers.ts";
import { ErrorResponse } from "./error-response.ts";
import { type HttpFilter, type HttpService, httpFilterModule } from "./http-service.ts";
import { L5d } from "./linkerd-headers.ts";

export const SuccessClassRole: Role = role("successClass");

const success: HeaderField = headerField(L5d.successClass, "1.0");
const failure: HeaderField = headerField(L5d.successClass, "0.0");

/** Classifies a response, and overwrites what a backend may have claimed. */
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
    const answer = rep as HttpResponse;
    const succeeds = this.succeeds(answer);
    // What the caller speaks says where it looks.
    const isStream = this.#req.version === "2" && answer.body.whole !== true && !(answer instanceof TunnelResponse);
    if (isStream && succeeds) {
      answer.headers.delete(L5d.successClass);
      answer.body = new ClassifiedStream(answer, this);
      return;
    }
    if (isStream) answer.body = new ClassifiedStream(answer, undefined);
    answer.headers.setField(succeeds ? success : failure);
  }

  onEnd(): void {}

  succeeds(rep: HttpResponse): boolean {
    return this.#classifier.classify(this.#req, rep, undefined) === "success";
  }
}

/** A stream that may turn out a failure by its end, and says there what it was. */
class ClassifiedStream extends BodyRelay {
  readonly #rep: HttpResponse;
  /** Undefined where the head has said it. */
  readonly #writer: SuccessClassWriter | undefined;

  constructor(rep: HttpResponse, writer: SuccessClassWriter | undefined) {
    super(rep.body);
    this.#rep = rep;
    this.#writer = writer;
  }

  override onEnd(trailers: Headers | undefined): void {
    const kept = clearTrailers(trailers);
    if (this.#writer === undefined) {
      super.onEnd(kept);
      return;
    }
    const rep = this.#rep;
    // Whoever stands below has noted the end already, unless the stack was built without those that do.
    if (rep.bodyBytes < 0) rep.bodyBytes = 0;
    rep.trailers ??= kept;
    const ours = kept ?? new Headers();
    ours.setField(this.#writer.succeeds(rep) ? success : failure);
    super.onEnd(ours);
  }
}

const write: HttpFilter = (req, ctx, next) => {
  const classifier = ctx.get(ClassifierKey);
  if (classifier !== undefined) ctx.observe(new SuccessClassWriter(req, classifier));
  return next.call(req, ctx);
};

/**
 * Must be below the module that sets the classifier of the call.
 *
 * Shape: in a header of the response where its head tells, else in the trailers of the stream.
 */
export const successClass: Module<HttpService> = httpFilterModule({
  role: SuccessClassRole,
  description: "Tells the caller in l5d-success-class how the response was classified",
  params: {},
  filter: () => write,
});
