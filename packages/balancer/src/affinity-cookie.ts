import {
  defineModule,
  type Filter,
  filtered,
  type Module,
  type Param,
  param,
  type Rng,
  RngParam,
  type Role,
  role,
  type Service,
} from "@weftmesh/core";
import { type HeaderName, type HttpRequest, type HttpResponse, headerField, headerName } from "@weftmesh/http";
import { GeneratedCookieKey } from "./generated-cookie.ts";
import { cookieKey } from "./http-hash-keys.ts";

export const AffinityCookieRole: Role = role("affinityCookie");

export interface AffinityCookieOptions {
  readonly name: string;
  /** s that the client is to keep it; for as long as it runs if not given. */
  readonly maxAgeSecs?: number;
  /** The part of the site that it is for; `/` if not given. */
  readonly path?: string;
  /** What else is said of it, as in `Secure; SameSite=Lax`; `HttpOnly` is always said. */
  readonly attributes?: string;
}

/** The cookie to give to clients that have none; undefined, the default, leaves the module out. */
export const AffinityCookieParam: Param<AffinityCookieOptions | undefined> = param<AffinityCookieOptions | undefined>(
  "affinityCookie",
  undefined,
);

const setCookie: HeaderName = headerName("Set-Cookie");

/**
 * Gives a client without the cookie one, so that its next request has the key that `cookieKey` balances by.
 *
 * Shape: above the balancer and the retries; the balancer sees the new cookie already for the first request. The value
 * is random and means nothing: it does not tell which endpoint it led to.
 * Errors: `WEFT_PROTOCOL_HEADER` when the stack is built, for a name or attributes that may not stand in a header.
 */
export const affinityCookie: Module<Service<HttpRequest, HttpResponse>> = defineModule({
  role: AffinityCookieRole,
  description: "Gives a cookie to clients that have none, to be balanced by",
  params: { options: AffinityCookieParam, rng: RngParam },
  make: ({ options, rng }, next: Service<HttpRequest, HttpResponse>): Service<HttpRequest, HttpResponse> =>
    options === undefined ? next : filtered(newAffinityCookie(options, rng), next),
});

function newAffinityCookie(options: AffinityCookieOptions, rng: Rng): Filter<HttpRequest, HttpResponse> {
  const { name, maxAgeSecs, path = "/", attributes } = options;
  const age = maxAgeSecs === undefined ? "" : `; Max-Age=${Math.max(Math.floor(maxAgeSecs), 0)}`;
  const rest = `; Path=${path}${age}; HttpOnly${attributes === undefined ? "" : `; ${attributes}`}`;
  // A cookie's name is a token, as a header's is: this throws where either may not stand in a header.
  headerField(name, rest);
  const keyOf = cookieKey(name);
  return (req, ctx, next) => {
    if (keyOf(req, ctx) !== undefined) return next.call(req, ctx);
    const value = randomHex(rng) + randomHex(rng);
    ctx.set(GeneratedCookieKey, { name, value });
    return next.call(req, ctx).then((rep) => {
      rep.headers.add(setCookie, `${name}=${value}${rest}`);
      return rep;
    });
  };
}

/** 32 bits, as 8 digits. */
function randomHex(rng: Rng): string {
  return Math.floor(rng.next() * 4_294_967_296)
    .toString(16)
    .padStart(8, "0");
}
