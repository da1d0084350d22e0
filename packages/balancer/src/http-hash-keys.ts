import { ConnectionKey, type HeaderName, type HttpRequest, headerName } from "@weftmesh/http";
import { cookieValue } from "./cookie-value.ts";
import { GeneratedCookieKey } from "./generated-cookie.ts";
import type { HashKey } from "./hash-key.ts";

const cookies: HeaderName = headerName("Cookie");

/** By the first value of a header; a request without it, or with an empty one, has no key. */
export function headerKey(name: string): HashKey<HttpRequest> {
  const declared = headerName(name);
  return (req) => orNothing(req.headers.get(declared));
}

/** By a cookie of the request, or the one that the `affinityCookie` module is about to give to its client. */
export function cookieKey(name: string): HashKey<HttpRequest> {
  return (req, ctx) => {
    const sent = orNothing(requestCookie(req, name));
    if (sent !== undefined) return sent;
    const given = ctx.get(GeneratedCookieKey);
    return given?.name === name ? given.value : undefined;
  };
}

/** By one segment of the path, counted from 0: `/users/42?x=1` has the segments `users` and `42`. */
export function pathSegmentKey(index: number): HashKey<HttpRequest> {
  return (req) => {
    const { path } = req;
    const end = pathEnd(path);
    let start = 1;
    for (let i = 0; i < index; i++) {
      const slash = path.indexOf("/", start);
      if (slash === -1 || slash >= end) return undefined;
      start = slash + 1;
    }
    const slash = path.indexOf("/", start);
    return orNothing(path.substring(start, slash === -1 || slash > end ? end : slash));
  };
}

/** By the path without its query, or by as many of its first segments. */
export function pathKey(segments: number = Number.POSITIVE_INFINITY): HashKey<HttpRequest> {
  return (req) => {
    const { path } = req;
    const end = pathEnd(path);
    let at = 0;
    for (let i = 0; i < segments; i++) {
      const slash = path.indexOf("/", at + 1);
      if (slash === -1 || slash >= end) return orNothing(path.substring(0, end));
      at = slash;
    }
    return orNothing(path.substring(0, at));
  };
}

/** By the address of the client's end of the connection, without its port. */
export function clientAddressKey(): HashKey<HttpRequest> {
  return (_req, ctx) => ctx.get(ConnectionKey)?.remote.host;
}

/** The value of a cookie that the request has, as it stands there. */
function requestCookie(req: HttpRequest, name: string): string | undefined {
  const { headers } = req;
  const first = headers.get(cookies);
  if (first === undefined) return undefined;
  const found = cookieValue(first, name);
  if (found !== undefined || headers.count(cookies) === 1) return found;
  // HTTP/2 may send one header for each cookie.
  for (const text of headers.getAll(cookies)) {
    const other = cookieValue(text, name);
    if (other !== undefined) return other;
  }
  return undefined;
}

function pathEnd(path: string): number {
  const query = path.indexOf("?");
  return query === -1 ? path.length : query;
}

function orNothing(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
