import { asError, type Ctx, type Status } from "@weftmesh/core";
import { ConnectionKey, type HttpRequest, type HttpResponse } from "@weftmesh/http";
import type { Dtab, Identification, Identifier, Path } from "@weftmesh/naming";
import { LocalDtabKey } from "./call-context.ts";
import { UnidentifiedError } from "./errors.ts";
import type { HttpService } from "./http-service.ts";

/** Finds the service behind a name: a map hit for a name that is in use. */
export interface Lookup {
  lookup(dst: Path, local: Dtab): HttpService;
  close(): Promise<void>;
}

/** The leaf of a server stack: names the request, and calls the path stack of that name. */
export class RoutingService implements HttpService {
  readonly status: Status = "open";
  readonly #identifier: Identifier<HttpRequest>;
  readonly #binding: Lookup;

  constructor(identifier: Identifier<HttpRequest>, binding: Lookup) {
    this.#identifier = identifier;
    this.#binding = binding;
  }

  call(req: HttpRequest, ctx: Ctx): Promise<HttpResponse> {
    let identification: Identification | Promise<Identification>;
    try {
      identification = this.#identifier.identify(req, ctx);
    } catch (thrown) {
      return Promise.reject(identifierFailed(req, ctx, thrown));
    }
    if (identification instanceof Promise) return this.#later(req, ctx, identification);
    return this.#route(req, ctx, identification);
  }

  close(): Promise<void> {
    return this.#binding.close();
  }

  #later(req: HttpRequest, ctx: Ctx, coming: Promise<Identification>): Promise<HttpResponse> {
    return new Promise<HttpResponse>((resolve, reject) => {
      ctx.onCancel(reject);
      coming
        .then(
          (identification) => resolve(this.#route(req, ctx, identification)),
          (thrown) => reject(identifierFailed(req, ctx, thrown)),
        )
        .catch(reject);
    });
  }

  #route(req: HttpRequest, ctx: Ctx, identification: Identification): Promise<HttpResponse> {
    if (identification.kind === "unidentified") {
      return Promise.reject(new UnidentifiedError(describeRequest(req, ctx), identification.reason));
    }
    const headers = ctx.get(LocalDtabKey);
    const local = headers === undefined ? identification.dtab : headers.concat(identification.dtab);
    return this.#binding.lookup(identification.dst, local).call(req, ctx);
  }
}

/** To the client an identifier that fails is one that has no name for its request; the cause tells the rest. */
function identifierFailed(req: HttpRequest, ctx: Ctx, thrown: unknown): UnidentifiedError {
  const cause = asError(thrown);
  return new UnidentifiedError(describeRequest(req, ctx), cause.message, cause);
}

function describeRequest(req: HttpRequest, ctx: Ctx): string {
  const remote = ctx.get(ConnectionKey)?.remote;
  const from = remote === undefined ? "" : `, from ${remote.host}:${remote.port}`;
  return `Request("${req.method} ${req.path}"${from})`;
}

/** Asks one identifier after the other; the first that has a name for the request is believed. */
export function firstOf(identifiers: readonly Identifier<HttpRequest>[]): Identifier<HttpRequest> {
  const [only] = identifiers;
  if (only !== undefined && identifiers.length === 1) return only;
  return { identify: (req, ctx) => ask(identifiers, 0, [], req, ctx) };
}

function ask(
  identifiers: readonly Identifier<HttpRequest>[],
  from: number,
  reasons: string[],
  req: HttpRequest,
  ctx: Ctx,
): Identification | Promise<Identification> {
  for (let i = from; i < identifiers.length; i++) {
    const answer = (identifiers[i] as Identifier<HttpRequest>).identify(req, ctx);
    if (answer instanceof Promise) {
      return answer.then((each) => {
        if (each.kind === "identified") return each;
        reasons.push(each.reason);
        return ask(identifiers, i + 1, reasons, req, ctx);
      });
    }
    if (answer.kind === "identified") return answer;
    reasons.push(answer.reason);
  }
  return { kind: "unidentified", reason: reasons.join(", ") };
}
