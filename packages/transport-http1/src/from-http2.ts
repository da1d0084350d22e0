import { type Headers, headerName, Names } from "@weftmesh/http";

const cookie = headerName("Cookie");

/**
 * Makes the headers of a request that came by HTTP/2 such as HTTP/1.1 has them, and gives the lines to be added.
 *
 * HTTP/2 may send a cookie in crumbs, which nobody puts together again behind us (RFC 9113 section 8.2.3). `TE` there
 * is of the message, and here of the connection, which has to name it (RFC 9110 section 10.1.4).
 */
export function fromHttp2(headers: Headers): string {
  if (headers.count(cookie) > 1) headers.set(cookie, headers.getAll(cookie).join("; "));
  if (!headers.has(Names.te)) return "";
  headers.delete(Names.te);
  return "TE: trailers\r\nConnection: TE\r\n";
}
