import { LinearRegex } from "@weftmesh/config";
import { WeftError } from "@weftmesh/core";
import { address, boundAddr, negAddr, pendingAddr } from "@weftmesh/naming";
import { LogLevels, type LogRecord, MetricsRegistry } from "@weftmesh/telemetry";
import { ManualClock } from "@weftmesh/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { type Admin, type AdminOptions, createAdmin } from "../src/admin.ts";
import { OriginGuard } from "../src/origin-guard.ts";
import { ask, exchange } from "./raw-request.ts";

const running: Admin[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.close()));
});

interface Started {
  readonly admin: Admin;
  readonly port: number;
  readonly clock: ManualClock;
  readonly metrics: MetricsRegistry;
  readonly logged: string[];
}

async function start(options: Partial<AdminOptions> = {}): Promise<Started> {
  const clock = new ManualClock();
  const metrics = new MetricsRegistry();
  const logged: string[] = [];
  const admin = createAdmin({
    port: 0,
    clock,
    metrics,
    info: { name: "weft-proxy", version: "1.2.3", build: "today" },
    log: (message) => void logged.push(message),
    ...options,
  });
  running.push(admin);
  const { port } = await admin.listen();
  return { admin, port, clock, metrics, logged };
}

describe("the admin server", () => {
  it("D1: binds the loopback when it is told nothing else", async () => {
    const admin = createAdmin({
      port: 0,
      clock: new ManualClock(),
      metrics: new MetricsRegistry(),
      info: { name: "x", version: "1", build: "b" },
      log: () => {},
    });
    running.push(admin);
    expect((await admin.listen()).host).toBe("127.0.0.1");
  });

  it("says which address it cannot have", async () => {
    const { port } = await start();
    await expect(start({ port })).rejects.toMatchObject({
      code: "WEFT_ADMIN_LISTEN",
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
  });

  it("answers pong to a ping, to HEAD without the body", async () => {
    const { port } = await start();
    const got = await ask(port, "/admin/ping");
    expect([got.status, got.body]).toEqual([200, "pong"]);
    const head = await ask(port, "/admin/ping", { method: "HEAD" });
    expect([head.status, head.body, head.headers["content-length"]]).toEqual([200, "", "4"]);
  });

  it("tells name, version, build and uptime", async () => {
    const { port, clock } = await start();
    await clock.advance(1_500);
    const { body } = await ask(port, "/admin/server_info");
    expect(JSON.parse(body)).toMatchObject({ name: "weft-proxy", version: "1.2.3", build: "today", uptime: 1_500 });
  });

  it("lists every path, sorted, and answers 404 to any other", async () => {
    const { port, admin } = await start();
    for (const path of ["/admin", "/admin/index.txt"]) {
      expect((await ask(port, path)).body).toBe(`${admin.paths().join("\n")}\n`);
    }
    expect(admin.paths()).toEqual([
      "/",
      "/admin",
      "/admin/index.txt",
      "/admin/metrics.json",
      "/admin/ping",
      "/admin/server_info",
    ]);
    expect((await ask(port, "/admin/pprof/heap")).status).toBe(404);
  });

  it("serves metrics.json with its query, 404 included", async () => {
    const { port, metrics } = await start();
    metrics.counter("rt", "http", "requests").inc(2);
    const got = await ask(port, "/admin/metrics.json?tree=1&q=rt");
    expect([got.headers["content-type"], got.body]).toEqual([
      "application/json;charset=UTF-8",
      '{"http":{"requests":{"counter":2}}}',
    ]);
    expect((await ask(port, "/admin/metrics.json?q=no")).status).toBe(404);
  });

  it("refuses a method that a page does not have, and names those it has", async () => {
    const { port } = await start();
    const posted = await ask(port, "/admin/ping", { method: "POST" });
    expect([posted.status, posted.headers["allow"]]).toEqual([405, "GET, HEAD"]);
  });

  describe("shutdown", () => {
    it("D3: GET is refused with 405, POST is answered and then ends the process", async () => {
      const graces: (number | undefined)[] = [];
      const { port } = await start({ shutdown: (graceMs) => void graces.push(graceMs) });
      for (const method of ["GET", "HEAD", "PUT"]) {
        const refused = await ask(port, "/admin/shutdown", { method });
        expect([refused.status, refused.headers["allow"]]).toEqual([405, "POST"]);
      }
      expect(graces).toEqual([]);
      expect((await ask(port, "/admin/shutdown", { method: "POST" })).status).toBe(200);
      expect((await ask(port, "/admin/shutdown?grace=1.minute%2B30.seconds", { method: "POST" })).status).toBe(200);
      const form = { "content-type": "application/x-www-form-urlencoded" };
      await ask(port, "/admin/shutdown", { method: "POST", headers: form, body: "grace=500.ms" });
      expect(graces).toEqual([undefined, 90_000, 500]);
      expect((await ask(port, "/admin/shutdown?grace=soon", { method: "POST" })).status).toBe(400);
      expect(graces).toHaveLength(3);
    });

    it("is not there for a program that did not ask for it", async () => {
      const { port } = await start();
      expect((await ask(port, "/admin/shutdown", { method: "POST" })).status).toBe(404);
    });
  });

  describe("pages that others add", () => {
    it("are found by exact path, else by the longest prefix", async () => {
      const { port, admin } = await start({
        handlers: [
          { path: "/namer_state/", contentType: "text/plain", render: () => "prefix" },
          { path: "/namer_state/io.l5d.fs/", contentType: "text/plain", render: (query) => `longer ${query.get("x")}` },
        ],
      });
      admin.handle({ path: "namer_state/io.l5d.marathon.json", handle: ({ path }) => ({ body: `exact ${path}` }) });
      expect((await ask(port, "/namer_state/a/b.json")).body).toBe("prefix");
      expect((await ask(port, "/namer_state/io.l5d.fs/web?x=1")).body).toBe("longer 1");
      expect((await ask(port, "/namer_state/io.l5d.marathon.json")).body).toBe(
        "exact /namer_state/io.l5d.marathon.json",
      );
      expect((await ask(port, "/namer_state")).status).toBe(404);
    });

    it("cannot take a path that is taken", async () => {
      const { admin } = await start();
      expect(() => admin.handle({ path: "/admin/ping", handle: () => ({ body: "" }) })).toThrow(
        "the admin server has a handler for /admin/ping already",
      );
    });

    it("C25: that fail are answered with 500, which tells nothing, while the log tells all on one line", async () => {
      const { port, logged } = await start({
        handlers: [
          {
            path: "/throws",
            handle: () => {
              throw new Error("password=hunter2\nINFO forged");
            },
          },
          { path: "/rejects", handle: () => Promise.reject(new Error("later")) },
        ],
      });
      for (const path of ["/throws", "/rejects"]) {
        const got = await ask(port, path);
        expect([got.status, got.body]).toEqual([500, "the page failed; the log says why"]);
      }
      expect(logged).toEqual([
        "admin: /throws failed: password=hunter2\\u000aINFO forged",
        "admin: /rejects failed: later",
      ]);
      expect((await ask(port, "/admin/ping")).status).toBe(200);
    });

    it("that make a header no header can be do not end the process", async () => {
      const { port, logged } = await start({
        handlers: [{ path: "/odd", handle: () => ({ body: "", headers: { "x-odd": "a\nb" } }) }],
      });
      await expect(ask(port, "/odd")).rejects.toThrow();
      expect(logged).toHaveLength(1);
      expect((await ask(port, "/admin/ping")).status).toBe(200);
    });
  });

  describe("guards", () => {
    it("D2: answers 403 to a foreign Host, so that a rebound name is of no use, and 200 to the loopback's names", async () => {
      const { port } = await start();
      for (const host of [
        "evil.example",
        "evil.example:9990",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "localhost.evil",
        "[::2]:9990",
      ]) {
        expect([host, (await ask(port, "/admin/ping", { headers: { host } })).status]).toEqual([host, 403]);
      }
      for (const host of ["localhost", "LOCALHOST:8080", "127.0.0.1:9990", "127.8.9.1", "[::1]:9990"]) {
        expect([host, (await ask(port, "/admin/ping", { headers: { host } })).status]).toEqual([host, 200]);
      }
    });

    it("D2: takes an empty Host for a foreign one, and none for no browser's", async () => {
      const { port } = await start();
      expect(await exchange(port, "GET /admin/ping HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n")).toMatch(/ 403 /);
      expect(await exchange(port, "GET /admin/ping HTTP/1.0\r\n\r\n")).toMatch(/ 200 /);
    });

    it("D2: answers 403 to a page of another origin, and lets its own pages and curl through", async () => {
      const ends: unknown[] = [];
      const { port } = await start({ shutdown: (graceMs) => void ends.push(graceMs) });
      const post = (headers: Record<string, string>): Promise<{ status: number }> =>
        ask(port, "/admin/shutdown", { method: "POST", headers });
      const host = `localhost:${port}`;
      for (const origin of [
        "http://evil.example",
        "null",
        `http://localhost:${port + 1}`,
        "",
        "file://",
        `http://localhost:${port}@evil`,
      ]) {
        expect([origin, (await post({ host, origin })).status]).toEqual([origin, 403]);
      }
      expect(ends).toEqual([]);
      expect((await post({ host, origin: `http://localhost:${port}` })).status).toBe(200);
      expect((await post({ host })).status).toBe(200);
      expect(ends).toHaveLength(2);
    });

    it.each(["::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::ffff:7f00:1", "127.0.0.2"])(
      "D2: counts %s as the loopback",
      (ip) => {
        const guard = new OriginGuard({ ip, allowedHosts: [] });
        expect([guard.allows("evil.example", undefined), guard.allows("10.0.0.1:9990", undefined)]).toEqual([
          false,
          false,
        ]);
        for (const host of ["localhost:9990", "[::1]:9990", "[0:0::1]", "127.0.0.2"]) {
          expect([host, guard.allows(host, undefined), guard.allows(host, `http://${host}`)]).toEqual([
            host,
            true,
            true,
          ]);
        }
        expect(guard.allows("[::1]:9990", "http://[::1]:9991")).toBe(false);
      },
    );

    it.each(["0.0.0.0", "::", "10.0.0.5", "fd00::5"])(
      "D2: on %s answers to every name unless some are allowed",
      (ip) => {
        const open = new OriginGuard({ ip, allowedHosts: [] });
        expect(open.allows("mesh.example:9990", undefined)).toBe(true);
        expect(open.allows("mesh.example:9990", "http://evil.example")).toBe(false);
        const guard = new OriginGuard({ ip, allowedHosts: ["mesh.example"] });
        for (const host of [
          "mesh.example:9990",
          "MESH.example",
          "10.0.0.5:9990",
          "[fd00::5]:9990",
          "localhost",
          "127.0.0.1",
        ]) {
          expect([host, guard.allows(host, undefined)]).toEqual([host, true]);
        }
        for (const host of [
          "evil.example:9990",
          "mesh.example.evil",
          "10.0.0.5.evil.example",
          "2130706433",
          "0x7f.1",
          "",
        ]) {
          expect([host, guard.allows(host, undefined), guard.allows(host, `http://${host}`)]).toEqual([
            host,
            false,
            false,
          ]);
        }
      },
    );

    it("D2: answers to the names that the operator allows", async () => {
      const { port } = await start({ allowedHosts: ["mesh.example"] });
      expect((await ask(port, "/admin/ping", { headers: { host: "Mesh.example:80" } })).status).toBe(200);
      expect((await ask(port, "/admin/ping", { headers: { host: "other.example" } })).status).toBe(403);
    });

    it("D4: controlEnabled false is 404 for shutdown and logging levels, however the path is written", async () => {
      const ends: unknown[] = [];
      const { port } = await start({
        shutdown: () => void ends.push(1),
        logLevels: new LogLevels({ write: () => {} }),
        security: { controlEnabled: false },
      });
      const ways = [
        "/admin/shutdown",
        "//admin/shutdown",
        "/admin//shutdown",
        "/admin/./shutdown",
        "/./admin/shutdown",
        "/x/../admin/shutdown",
        "/admin/%73hutdown",
        "/%61dmin/shutdown",
        "/admin%2fshutdown",
        "/admin/%2e/shutdown",
        "/ADMIN/SHUTDOWN",
        "/admin/shutdown/",
        "/admin\\shutdown",
        "/admin/shutdown%00",
        "/admin/shutdown?x=/ok",
        "/admin/shutdown#x",
        "/admin/shutdown;x",
        "/%ff",
        "/logging.json",
        "/logging%2ejson",
      ];
      for (const way of ways) {
        const got = await ask(port, way, { method: "POST" });
        expect([way, got.status]).toEqual([way, 404]);
      }
      expect(ends).toEqual([]);
      expect((await ask(port, "/admin/ping")).status).toBe(200);
    });

    it("D4: an absolute target reaches nothing that its path alone would not", async () => {
      const { port } = await start({ shutdown: () => {}, security: { controlEnabled: false } });
      const bytes = "POST http://localhost/admin/shutdown HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
      expect(await exchange(port, bytes)).toMatch(/^HTTP\/1\.1 404 /);
    });

    it("closes a category, opens it by the whitelist, and closes everything by the blacklist", async () => {
      const { port } = await start({
        security: {
          uiEnabled: false,
          diagnosticsEnabled: false,
          pathWhitelist: [LinearRegex.read("/admin/ping"), LinearRegex.read("/admin/.*[.]json")],
          pathBlacklist: [LinearRegex.read("/admin/metrics.*")],
        },
      });
      const statusOf = async (path: string): Promise<number> => (await ask(port, path)).status;
      expect(await statusOf("/")).toBe(404);
      expect(await statusOf("/admin/server_info")).toBe(404);
      expect(await statusOf("/admin/ping")).toBe(200);
      expect(await statusOf("/admin/metrics.json")).toBe(404);
      expect((await ask(port, "/admin/server_info")).body).toBe("");
    });

    it("C28: a nested repetition in the lists takes no time on a path made for it", async () => {
      const { port } = await start({
        security: { pathBlacklist: [LinearRegex.read("(/a+)+|(([a-z])+.)+[A-Z]([a-z])+")] },
      });
      const started = performance.now();
      expect((await ask(port, `/${"a".repeat(16_000)}!`)).status).toBe(404);
      expect(performance.now() - started).toBeLessThan(500);
    });

    it("D7: a huge query is 400, one beyond every limit included", async () => {
      const { port } = await start();
      expect((await ask(port, `/admin/metrics.json?q=${"x".repeat(17_000)}`)).status).toBe(400);
      const bytes = `GET /delegator.json?dtab=${"x".repeat(1_000_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
      expect(await exchange(port, bytes).catch(() => "HTTP/1.1 400 reset")).toMatch(/^HTTP\/1\.1 400 /);
      expect((await ask(port, "/admin/ping")).status).toBe(200);
    });

    it("D12: a body beyond the limit is 413, whether its length was told or not", async () => {
      const levels = new LogLevels({ write: () => {} });
      const { port } = await start({ logLevels: levels, maxBodyBytes: 1_000 });
      const form = { "content-type": "application/x-www-form-urlencoded" };
      const post = (headers: Record<string, string>, bytes: number): Promise<{ status: number }> =>
        ask(port, "/logging.json", { method: "POST", headers: { ...form, ...headers }, body: "x".repeat(bytes) });
      expect((await post({ "content-length": "1001" }, 1_001)).status).toBe(413);
      expect((await post({ "transfer-encoding": "chunked" }, 100_000)).status).toBe(413);
      expect((await post({ "transfer-encoding": "chunked" }, 1_000)).status).toBe(400);
    });

    it("answers 400 to bytes that are no request, and goes on", async () => {
      const { port } = await start();
      expect(await exchange(port, "\u0000\u0001nonsense\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
      expect((await ask(port, "/admin/ping")).status).toBe(200);
    });

    it("tells browsers to guess no type, keep nothing and frame nothing", async () => {
      const { port } = await start();
      expect((await ask(port, "/admin/ping")).headers).toMatchObject({
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
        "x-frame-options": "DENY",
      });
    });
  });

  describe("config.json", () => {
    it("D5: shows the config without its secrets", async () => {
      const { port } = await start({
        config: () => ({
          routers: [{ protocol: "http", identifier: { kind: "io.l5d.header.token" } }],
          namers: [
            {
              kind: "io.l5d.consul",
              token: "t0p",
              authToken: 42,
              apiKeys: ["k3y1", ["k3y2"]],
              uri: "https://me:pw@consul:8500/x",
            },
          ],
          store: { password: "hunter2", passwordFile: "/etc/pw", secrets: { token: "inner" } },
          ["__proto__"]: { admin: true },
        }),
      });
      const got = await ask(port, "/config.json");
      expect(got.headers["content-type"]).toBe("application/json;charset=UTF-8");
      for (const secret of ["t0p", "42", "k3y1", "k3y2", "me:pw", "hunter2", "inner"])
        expect(got.body).not.toContain(secret);
      expect(JSON.parse(got.body)).toMatchObject({
        routers: [{ protocol: "http", identifier: { kind: "io.l5d.header.token" } }],
        namers: [{ kind: "io.l5d.consul", token: "***", uri: "https://***@consul:8500/x" }],
        store: { passwordFile: "/etc/pw" },
      });
    });
  });

  describe("logging.json", () => {
    function levels(): { readonly logLevels: LogLevels; readonly written: LogRecord[] } {
      const written: LogRecord[] = [];
      const logLevels = new LogLevels({ write: (record) => void written.push(record) });
      logLevels.logger("fs");
      return { logLevels, written };
    }

    it("lists the loggers by name on GET", async () => {
      const { port } = await start(levels());
      expect(JSON.parse((await ask(port, "/logging.json")).body)).toEqual([
        { logger: "fs", level: "INFO" },
        { logger: "root", level: "INFO" },
      ]);
    });

    it("sets a level on POST by form or query, and passes over names that it does not know", async () => {
      const { logLevels } = levels();
      const { port } = await start({ logLevels });
      const post = (body: string, query = ""): Promise<{ status: number }> =>
        ask(port, `/logging.json${query}`, {
          method: "POST",
          headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
          body,
        });
      expect((await post("logger=fs&level=debug")).status).toBe(200);
      expect((await post("", "?logger=root&level=ERROR")).status).toBe(200);
      expect((await post("logger=nobody&level=DEBUG")).status).toBe(200);
      expect((await post("logger=root&level=LOUD")).status).toBe(200);
      expect(logLevels.list()).toEqual([
        { logger: "fs", level: "DEBUG" },
        { logger: "root", level: "ERROR" },
      ]);
      expect((await post("logger=root")).status).toBe(400);
      expect((await post("level=INFO")).status).toBe(400);
      expect((await ask(port, "/logging.json", { method: "DELETE" })).status).toBe(405);
    });
  });

  describe("state", () => {
    it("shows the addresses of each client, or why there are none", async () => {
      const { port } = await start({
        clients: () => [
          ["/#/io.l5d.fs/web", boundAddr([address("127.0.0.1", 8080), address("::1", 8081)])],
          ["/#/io.l5d.fs/api", pendingAddr],
          ["/#/io.l5d.fs/no", negAddr],
          ["/#/io.l5d.fs/bad", { kind: "failed", error: new WeftError("WEFT_X", "no disk") }],
        ],
      });
      expect(JSON.parse((await ask(port, "/client_state.json")).body)).toEqual({
        "/#/io.l5d.fs/web": { state: "bound", addresses: ["127.0.0.1:8080", "[::1]:8081"] },
        "/#/io.l5d.fs/api": { state: "Pending", addresses: [] },
        "/#/io.l5d.fs/no": { state: "Neg", addresses: [] },
        "/#/io.l5d.fs/bad": { state: "Failed: no disk", addresses: [] },
      });
    });

    it("lists the bound names once each, and the stacks as they are", async () => {
      const { port } = await start({
        boundNames: () => Promise.resolve(["/#/b", "/#/a", "/#/b"]),
        stacks: () => ({ http: { server: [{ role: "serverStats" }] } }),
      });
      expect((await ask(port, "/bound-names.json")).body).toBe('["/#/a","/#/b"]');
      expect((await ask(port, "/admin/stacks.json")).body).toBe('{"http":{"server":[{"role":"serverStats"}]}}');
    });
  });

  describe("the page at /", () => {
    it("C25: shows what the servers counted, and every name as text", async () => {
      const { port, metrics } = await start();
      const scope = metrics.scope("rt", "<img src=x onerror=alert(1)>", "server", "127.0.0.1/4140");
      scope.counter("requests").inc(4);
      scope.counter("success").inc(3);
      scope.counter("failures").inc(1);
      const got = await ask(port, "/");
      expect(got.headers["content-security-policy"]).toContain("default-src 'none'");
      expect(got.body).not.toContain("<img");
      expect(got.body).not.toContain("<script");
      expect(got.body).toContain("<td>75.00 %</td>");
      expect(got.body).toContain('<a href="/admin/metrics.json">');
    });
  });

  describe("closing", () => {
    it("lets a request in flight end, and takes no more", async () => {
      let answer: () => void = () => {};
      const { admin, port } = await start({
        handlers: [
          {
            path: "/slow",
            handle: () =>
              new Promise((resolve) => {
                answer = () => resolve({ body: "done" });
              }),
          },
        ],
      });
      const coming = ask(port, "/slow");
      while (answer.length === 0 && String(answer) === "() => {}")
        await new Promise((resolve) => setImmediate(resolve));
      const closed = admin.close(1_000);
      answer();
      expect((await coming).body).toBe("done");
      await closed;
      await expect(ask(port, "/admin/ping")).rejects.toThrow();
    });

    it("cuts off what is still open when its time is over", async () => {
      let asked = false;
      const { admin, port, clock } = await start({
        handlers: [
          {
            path: "/never",
            handle: () => {
              asked = true;
              return new Promise(() => {});
            },
          },
        ],
      });
      const coming = ask(port, "/never");
      const lost = expect(coming).rejects.toThrow();
      while (!asked) await new Promise((resolve) => setImmediate(resolve));
      const closed = admin.close(1_000);
      await clock.advance(1_000);
      await closed;
      await lost;
      expect(clock.armed).toBe(0);
    });
  });
});
