import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Backend } from "../src/backend.ts";
import { RunningProxy, TempDir } from "../src/proxy.ts";
import { ask, sendRaw } from "../src/raw-http.ts";

let backend: Backend;
let proxy: RunningProxy;
let dir: TempDir;

beforeAll(async () => {
  backend = await Backend.start((req, res) => {
    const status = Number(req.headers["x-status"] ?? 200);
    res.writeHead(status, { "l5d-success-class": "0.5" });
    res.end(`from ${backend.port}`);
  });
  dir = new TempDir();
  dir.write("felix", `127.1 ${backend.port}\n`);
  proxy = await RunningProxy.start(`
admin: { port: 0 }
namers: [{ kind: io.l5d.fs, rootDir: ${dir.path} }]
routers:
- protocol: http
  dtab: |
    /p => /#/io.l5d.fs;
    /svc => /p;
    /svc/dead => /$/inet/127.1/1;
    /svc/teapot => /$/io.buoyant.http.status/418;
  servers: [{ port: 0 }]
- protocol: http
  label: clean
  dtab: /svc => /#/io.l5d.fs
  servers: [{ port: 0, ip: 127.0.0.2, clearContext: true }]
- protocol: http
  label: shallow
  dtab: /svc => /#/io.l5d.fs
  servers: [{ port: 0, ip: 127.0.0.3, maxCallDepth: 2, timestampHeader: x-received }]
`);
});

afterAll(async () => {
  await proxy?.stop();
  await backend?.stop();
  dir?.remove();
});

describe("an http router", () => {
  it("routes by the Host header through the dtab to the addresses of the fs namer", async () => {
    const answer = await ask({ to: proxy.at(), host: "felix", path: "/a?b=c" });
    expect(answer.status).toBe(200);
    expect(answer.body).toBe(`from ${backend.port}`);
    expect(answer.headers["via"]).toBe("1.1 linkerd");
    expect(answer.headers["l5d-success-class"]).toBe("1.0");
    expect(backend.received.at(-1)?.url).toBe("/a?b=c");
  });

  it("tells the backend who it is by name, and passes exactly the context on", async () => {
    const headers = {
      "l5d-dtab": "/a=>/b",
      "l5d-ctx-thing": "yes",
      "dtab-local": "/x=>/y",
      "l5d-dst-client": "/evil",
      "l5d-sample": "1.0",
    };
    await ask({ to: proxy.at(), host: "felix", headers });
    const seen = backend.received.at(-1)?.headers ?? {};
    const l5d = Object.keys(seen).filter((name) => name.startsWith("l5d-"));
    expect(l5d.sort()).toEqual([
      "l5d-ctx-dtab",
      "l5d-ctx-thing",
      "l5d-ctx-trace",
      "l5d-dst-client",
      "l5d-dst-service",
      "l5d-reqid",
    ]);
    expect(seen["l5d-ctx-dtab"]).toBe("/a=>/b");
    expect(seen["l5d-dst-service"]).toBe("/svc/felix");
    expect(seen["l5d-dst-client"]).toBe("/#/io.l5d.fs/felix");
    expect(seen["dtab-local"]).toBe("/x=>/y");
    expect(seen["via"]).toBe("1.1 linkerd");
  });

  it("lets the request's own dtab win", async () => {
    const answer = await ask({
      to: proxy.at(),
      host: "nobody",
      headers: { "l5d-dtab": "/svc/nobody => /#/io.l5d.fs/felix" },
    });
    expect(answer.status).toBe(200);
  });

  it("answers 502 with the names and rules when nothing is bound", async () => {
    const answer = await ask({ to: proxy.at(), host: "unknown" });
    expect(answer.status).toBe(502);
    expect(answer.headers["l5d-err"]).toMatch(/^Unable\+to\+route\+request/);
    expect(answer.body).toContain("service name: /svc/unknown\n");
    expect(answer.body).toContain("base dtab:\n  /p => /#/io.l5d.fs\n");
    expect(answer.body).toContain("override dtab:\n");
  });

  it("answers 400 when there is no name in the request", async () => {
    const answer = await sendRaw(proxy.at(), "GET / HTTP/1.1\r\nHost:\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toMatch(/l5d-err: Unknown\+destination/i);
    expect(answer).toContain("Host header is absent");
  });

  it("answers 400 to a dtab that does not parse, and says where", async () => {
    const answer = await ask({ to: proxy.at(), host: "felix", headers: { "l5d-dtab": "/a=/b" } });
    expect(answer.status).toBe(400);
    expect(answer.body).toContain("[=]");
  });

  it("answers 502 with the addresses when a connection is refused", async () => {
    const answer = await ask({ to: proxy.at(), host: "dead" });
    expect(answer.status).toBe(502);
    expect(answer.headers["l5d-err"]).toBeDefined();
    expect(answer.headers["l5d-retryable"]).toBe("true");
    expect(answer.body).toContain("Unable to establish connection to 127.0.0.1:1.");
    expect(answer.body).toContain("client name: /$/inet/127.1/1");
    expect(answer.body).toContain("selected address: 127.0.0.1:1");
  });

  it("serves a status of its own from a utility name", async () => {
    expect((await ask({ to: proxy.at(), host: "teapot" })).status).toBe(418);
  });

  it("clears the context both ways when told to, and empties its own errors", async () => {
    const headers = { "l5d-dtab": "/svc=>/$/nil", "l5d-ctx-thing": "yes", "dtab-local": "/x=>/y" };
    const answer = await ask({ to: proxy.at("clean"), host: "felix", headers });
    expect(answer.status).toBe(200);
    expect(Object.keys(answer.headers).filter((name) => name.startsWith("l5d-"))).toEqual([]);
    const seen = backend.received.at(-1)?.headers ?? {};
    expect(
      Object.keys(seen)
        .filter((name) => name.startsWith("l5d-"))
        .sort(),
    ).toEqual(["l5d-ctx-trace", "l5d-dst-client", "l5d-dst-service", "l5d-reqid"]);
    const error = await ask({ to: proxy.at("clean"), host: "unknown" });
    expect(error.status).toBe(502);
    expect(error.body).toBe("");
    expect(Object.keys(error.headers).filter((name) => name.startsWith("l5d-"))).toEqual([]);
  });

  it("C19: refuses a request that has passed through too many proxies", async () => {
    const answer = await ask({ to: proxy.at("shallow"), host: "felix", headers: { via: "hop1, hop2, hop3" } });
    expect(answer.status).toBe(400);
    expect(answer.body).toBe("Maximum number of calls (2) has been exceeded. Please check for proxy loops.");
  });

  it("notes the time of receipt in the header that is named", async () => {
    await ask({ to: proxy.at("shallow"), host: "felix" });
    expect(Number(backend.received.at(-1)?.headers["x-received"])).toBeGreaterThan(1_600_000_000_000);
  });

  it("counts successes and failures under Linkerd's names", async () => {
    const before = await proxy.metrics();
    await ask({ to: proxy.at(), host: "felix" });
    await ask({ to: proxy.at(), host: "felix", headers: { "x-status": "500" } });
    const after = await proxy.metrics();
    const grown = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0);
    for (const scope of ["server/127.0.0.1/0", "service/svc/felix", "client/#/io.l5d.fs/felix"]) {
      expect([scope, grown(`rt/http/${scope}/requests`)]).toEqual([scope, 2]);
      expect([scope, grown(`rt/http/${scope}/success`)]).toEqual([scope, 1]);
      expect([scope, grown(`rt/http/${scope}/failures`)]).toEqual([scope, 1]);
    }
    expect(grown("rt/http/client/#/io.l5d.fs/felix/status/500")).toBe(1);
    expect(grown("rt/http/server/127.0.0.1/0/status/2XX")).toBe(1);
    expect(after["rt/http/server/127.0.0.1/0/pending"]).toBe(0);
  });
});
