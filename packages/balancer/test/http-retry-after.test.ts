import { Headers, HttpResponse } from "@weftmesh/http";
import { expect, it } from "vitest";
import { httpRetryAfterMs } from "../src/index.ts";

it("an HTTP response asks to be left alone by Retry-After in seconds, when it was refused for load", () => {
  const ask = (status: number, ...headers: readonly string[]): number | undefined =>
    httpRetryAfterMs(new HttpResponse(status, Headers.of(...headers)));
  expect([ask(503, "Retry-After", "120"), ask(429, "retry-after", "0")]).toEqual([120_000, 0]);
  expect([ask(200, "Retry-After", "120"), ask(301, "Retry-After", "120"), ask(503)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  for (const text of ["Fri, 31 Dec 1999 23:59:59 GMT", "-1", "1.5", "1e3", "", " 7", "12345678901", "5x"]) {
    expect(ask(503, "Retry-After", text)).toBeUndefined();
  }
});
