import type { AccessLog } from "@weftmesh/access-log";
import {
  type Clock,
  ClockParam,
  type Ctx,
  type Module,
  type Observer,
  type Param,
  param,
  type Role,
  role,
} from "@weftmesh/core";
import { ConnectionKey, type HttpRequest, type HttpResponse, headerName, Names } from "@weftmesh/http";
import { BoundParam, DstKey, RouterLabelParam } from "./call-context.ts";
import { ErrorResponse } from "./error-response.ts";
import { type HttpService, httpFilterModule } from "./http-service.ts";
import { L5d } from "./linkerd-headers.ts";

export const AccessLogRole: Role = role("accessLog");

/** Where answered attempts are told of; undefined leaves the module out. */
export const AccessLogParam: Param<AccessLog | undefined> = param<AccessLog | undefined>(
  "accessLog",
  undefined,
  (log) => log?.file.path,
);

const referer = headerName("Referer");
const userAgent = headerName("User-Agent");

/** What one attempt was for, until its answer is here. */
class LoggedAttempt implements Observer {
  readonly #log: AccessLog;
  readonly #clock: Clock;
  readonly #router: string;
  readonly #client: string | undefined;
  readonly #req: HttpRequest;
  readonly #host: string | undefined;
  readonly #uri: string;
  readonly #beganMs: number;

  constructor(log: AccessLog, clock: Clock, router: string, client: string | undefined, req: HttpRequest) {
    this.#log = log;
    this.#clock = clock;
    this.#router = router;
    this.#client = client;
    this.#req = req;
    // Modules below may change both for the backend.
    this.#host = req.version === "2" ? req.authority || undefined : req.headers.get(Names.host);
    this.#uri = req.path;
    this.#beganMs = clock.now();
  }

  onResponse(ctx: Ctx, rep: unknown): void {
    if (rep instanceof ErrorResponse) return;
    const { method, version, headers } = this.#req;
    const { status, headers: answered } = rep as HttpResponse;
    this.#log.write({
      host: this.#host,
      remoteHost: ctx.get(ConnectionKey)?.remote.host,
      method,
      uri: this.#uri,
      version,
      status,
      // Linkerd says nothing of it for HTTP/2, where few say it beforehand.
      contentLength: version === "2" ? undefined : answered.get(Names.contentLength),
      referer: headers.get(referer),
      userAgent: headers.get(userAgent),
      epochMs: this.#clock.epochMs(),
      durationMs: this.#clock.now() - this.#beganMs,
      router: this.#router,
      service: ctx.get(DstKey)?.path.show,
      client: this.#client,
      traceId: headers.get(L5d.reqid),
    });
  }

  onEnd(): void {}
}

/** At the top of the client stack, as with Linkerd: once for each attempt of a retry that is answered, not for requeues. */
export const accessLog: Module<HttpService> = httpFilterModule({
  role: AccessLogRole,
  description: "Tells a file of each answered attempt",
  params: { log: AccessLogParam, clock: ClockParam, router: RouterLabelParam, bound: BoundParam },
  filter: ({ log, clock, router, bound }) => {
    if (log === undefined) return undefined;
    const client = bound?.id.show;
    return (req, ctx, next) => {
      ctx.observe(new LoggedAttempt(log, clock, router, client, req));
      return next.call(req, ctx);
    };
  },
});
