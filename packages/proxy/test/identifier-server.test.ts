import { request } from "node:http";
import { systemClock } from "@weftmesh/core";
import { Listeners } from "@weftmesh/listeners";
import { Dtab, Path } from "@weftmesh/naming";
import type { RequestToIdentify, Router } from "@weftmesh/router";
import { afterEach, describe, expect, it } from "vitest";
import { IdentifierServer } from "../src/identifier-server.ts";

const router = (label: string, identify: Router["identify"]): Router =>
  ({ label, ...(identify === undefined ? {} : { identify }) }) as unknown as Router;

let server: IdentifierServer | undefined;
afterEach(() => server?.close(0));

async function answer(
  routers: readonly Router[],
  given: { readonly method?: string; readonly path?: string; readonly headers?: Record<string, string> } = {},
): Promise<unknown> {
  server = new IdentifierServer({
    ip: "127.0.0.1",
    port: 0,
    clock: systemClock,
    listeners: new Listeners(),
    routers: () => routers.map((each) => ({ router: each, baseDtab: Dtab.read("/svc=>/#/io.l5d.fs") })),
  });
  const { host, port } = await server.listen();
  return new Promise((resolve, reject) => {
    const req = request(
      { host, port, method: given.method ?? "GET", path: given.path ?? "/", headers: given.headers ?? {} },
      (res) => {
        let body = "";
        res.on("data", (chunk: Buffer) => (body += chunk.toString()));
        res.on("end", () => resolve(JSON.parse(body)));
      },
    );
    req.on("error", reject);
    req.end(given.method === "POST" ? "a body" : undefined);
  });
}

describe("the server of httpIdentifierPort", () => {
  it("answers any request with the path and the dtab of every router, or with why there is none", async () => {
    const seen: RequestToIdentify[] = [];
    const named = router("in", async (req) => {
      seen.push(req);
      return { kind: "identified", dst: Path.read("/svc/web"), dtab: Dtab.read("/a=>/b") };
    });
    const nameless = router("out", async () => ({ kind: "unidentified", reason: "Host header is absent" }));
    const broken = router("odd", async () => {
      throw new Error("no path");
    });
    const found = await answer([named, nameless, broken], {
      method: "POST",
      path: "/x?y",
      headers: { Host: "web", "X-A": "1" },
    });
    expect(found).toEqual({
      in: { path: "/svc/web", dtab: "/svc=>/#/io.l5d.fs;/a=>/b" },
      out: { error: "Host header is absent" },
      odd: { error: "no path" },
    });
    expect(seen[0]).toMatchObject({ version: "1.1", method: "POST", target: "/x?y" });
    expect(seen[0]?.headers.slice(0, 4)).toEqual(["Host", "web", "X-A", "1"]);
  });

  it("C27: has an entry for a router of any name", async () => {
    const odd = router("__proto__", async () => ({ kind: "unidentified", reason: "no" }));
    expect(JSON.stringify(await answer([odd]))).toBe('{"__proto__":{"error":"no"}}');
  });

  it("names the port that it cannot have, and closes though it never listened", async () => {
    server = new IdentifierServer({
      ip: "127.0.0.1",
      port: 0,
      clock: systemClock,
      listeners: new Listeners(),
      routers: () => [],
    });
    const { port } = await server.listen();
    const second = new IdentifierServer({
      ip: "127.0.0.1",
      port,
      clock: systemClock,
      listeners: new Listeners(),
      routers: () => [],
    });
    await expect(second.listen()).rejects.toMatchObject({
      code: "WEFT_IDENTIFIER_LISTEN",
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
    await second.close(0);
  });
});
