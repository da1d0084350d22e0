import { type Ctx, type Observer, type Outcome, type Service, service } from "@weftmesh/core";
import { type BodySink, Headers, type HttpRequest, HttpResponse, Taken, textBody } from "@weftmesh/http";

/** One call of the service, and what became of it. */
export interface Recorded {
  readonly req: HttpRequest;
  readonly ctx: Ctx;
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly version: string;
  readonly headers: readonly string[];
  body: string;
  ended: boolean;
  error: Error | undefined;
  trailers: readonly string[] | undefined;
  readonly outcomes: Outcome[];
}

class Reading implements BodySink {
  readonly call: Recorded;
  readonly over: () => void;
  /** What it answers to chunks. */
  answer: number = Taken;

  constructor(call: Recorded, over: () => void) {
    this.call = call;
    this.over = over;
  }

  onData(chunk: Uint8Array): number {
    this.call.body += Buffer.from(chunk).toString("latin1");
    return this.answer;
  }

  onEnd(trailers: Headers | undefined): void {
    this.call.ended = true;
    this.call.trailers = trailers?.toFlat();
    this.over();
  }

  onError(error: Error): void {
    this.call.error = error;
    this.over();
  }
}

/** A service that reads every request to its end and answers with what it saw. */
export class Recorder {
  readonly calls: Recorded[] = [];
  readonly service: Service<HttpRequest, HttpResponse> = service((req, ctx) => this.#serve(req, ctx));

  /** Calls whose request came to its end. */
  get complete(): Recorded[] {
    return this.calls.filter((call) => call.ended);
  }

  #serve(req: HttpRequest, ctx: Ctx): Promise<HttpResponse> {
    const call: Recorded = {
      req,
      ctx,
      method: req.method,
      authority: req.authority,
      path: req.path,
      version: req.version,
      headers: req.headers.toFlat(),
      body: "",
      ended: false,
      error: undefined,
      trailers: undefined,
      outcomes: [],
    };
    const observer: Observer = { onEnd: (_ctx, outcome) => call.outcomes.push(outcome) };
    ctx.observe(observer);
    this.calls.push(call);
    return new Promise((resolve, reject) => {
      req.body.pipe(
        new Reading(call, () => {
          if (call.error !== undefined) reject(call.error);
          else resolve(new HttpResponse(200, Headers.of("x-path", call.path), textBody(`${call.method} ${call.body}`)));
        }),
      );
    });
  }
}
