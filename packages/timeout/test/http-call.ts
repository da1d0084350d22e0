import { type Ctx, type Module, Params, type Service, Stack, service } from "@weftmesh/core";
import { type Body, emptyBody, Headers, HttpRequest, HttpResponse } from "@weftmesh/http";
import { PushBody, RecordingSink } from "@weftmesh/testkit";

export type HttpModule = Module<Service<HttpRequest, HttpResponse>>;

export function httpRequest(body: Body = emptyBody): HttpRequest {
  return new HttpRequest("1.1", body === emptyBody ? "GET" : "POST", "http", "web", "/", new Headers(), body);
}

/** One exchange through a module, with a hand on each of its parts. As a transport, it fails its bodies when it is cancelled. */
export class HttpCall {
  readonly svc: Service<HttpRequest, HttpResponse>;
  /** What the caller sends, and what the backend gets of it. */
  readonly upload: PushBody = new PushBody();
  received: RecordingSink | undefined;
  /** What the backend sends, and what the caller gets of it. */
  readonly download: PushBody = new PushBody();
  got: RecordingSink | undefined;
  rep: HttpResponse | undefined;
  error: { code: string } | undefined;
  #answer: (rep: HttpResponse) => void = () => {};

  /** `heeds` says whether the backend's bodies heed the cancelling of the call. */
  constructor(module: HttpModule, params: Params = Params.empty, heeds = true) {
    const backend = service<HttpRequest, HttpResponse>((req, ctx) => {
      if (req.body !== emptyBody) this.received = RecordingSink.of(req.body);
      return new Promise((resolve, reject) => {
        this.#answer = resolve;
        ctx.onCancel((reason) => {
          reject(reason);
          if (heeds) this.download.fail(reason);
        });
      });
    });
    this.svc = new Stack([module], () => backend).make(params);
  }

  start(ctx: Ctx, body: Body = emptyBody): void {
    this.svc.call(httpRequest(body), ctx).then(
      (rep) => {
        this.rep = rep;
        ctx.respond(rep);
      },
      (error) => {
        this.error = error;
      },
    );
  }

  /** The head of the answer. */
  answer(body: Body = this.download): void {
    this.#answer(new HttpResponse(200, new Headers(), body));
  }

  /** The caller takes the body. */
  take(answer?: number): RecordingSink {
    if (this.rep === undefined) throw new TypeError("there is no answer yet");
    this.got = RecordingSink.of(this.rep.body, answer);
    return this.got;
  }
}
