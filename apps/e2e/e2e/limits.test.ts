import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Backend } from "../src/backend.ts";
import { RunningProxy, TempDir } from "../src/proxy.ts";
import { ask, sendRaw } from "../src/raw-http.ts";

const dir = new TempDir();
let backend: Backend;
let proxy: RunningProxy;

beforeAll(async () => {
  backend = await Backend.start((req, res) => {
    const answerBytes = Number(req.headers["x-head-bytes"] ?? 0);
    if (answerBytes > 0) res.setHeader("x-long", "x".repeat(answerBytes));
    setTimeout(() => res.end("late"), Number(req.headers["x-delay-ms"] ?? 0));
  });
  const dtab = `/svc/* => /$/inet/127.1/${backend.port}`;
  proxy = await RunningProxy.start(`
admin: { port: 0 }
routers:
- { protocol: http, label: attempt, dtab: "${dtab}", servers: [{ port: 0 }], client: { requestAttemptTimeoutMs: 100 } }
- { protocol: http, label: total, dtab: "${dtab}", servers: [{ port: 0, ip: 127.0.0.2 }], service: { totalTimeoutMs: 100 } }
- { protocol: http, label: one, dtab: "${dtab}", servers: [{ port: 0, ip: 127.0.0.3, maxConcurrentRequests: 1 }] }
- protocol: http
  label: sessions
  dtab: "${dtab}"
  servers: [{ port: 0, ip: 127.0.0.4, serverSession: { idleTimeMs: 300 } }]
  client: { clientSession: { idleTimeMs: 300 } }
- { protocol: http, label: small, dtab: "${dtab}", maxHeadersKB: 1, maxInitialLineKB: 1, servers: [{ port: 0, ip: 127.0.0.5 }] }
- protocol: http
  label: static
  dtab: "${dtab}"
  servers: [{ port: 0, ip: 127.0.0.6 }]
  service:
    kind: io.l5d.static
    configs:
    - { prefix: /svc, totalTimeoutMs: 5000 }
    - { prefix: /svc/quick, totalTimeoutMs: 50 }
`);
});

afterAll(async () => {
  await proxy?.stop();
  await backend?.stop();
  dir.remove();
});

const slow = { "x-delay-ms": "3000" };
/** For what comes about a little after the answer. */
const patience = { timeout: 10_000, interval: 20 };

describe("limits", () => {
  it("F11: answer 503 when an attempt, or the whole request, takes too long, and free the backend's connection", async () => {
    for (const label of ["attempt", "total"]) {
      const began = Date.now();
      const answer = await ask({ to: proxy.at(label), headers: slow });
      expect([label, answer.status]).toEqual([label, 503]);
      expect(answer.headers["l5d-err"]).toBeDefined();
      expect(Date.now() - began).toBeLessThan(2500);
      expect((await ask({ to: proxy.at(label) })).status).toBe(200);
    }
    await vi.waitFor(async () => {
      const metrics = await proxy.metrics();
      expect(metrics[`rt/attempt/client/$/inet/127.1/${backend.port}/connections`]).toBeLessThanOrEqual(1);
    }, patience);
  });

  it("refuse a request beyond the number that may be under way, as Finagle does", async () => {
    const before = backend.received.length;
    const first = ask({ to: proxy.at("one"), headers: { "x-delay-ms": "1000" } });
    await vi.waitFor(() => expect(backend.received.length).toBe(before + 1), patience);
    const second = await ask({ to: proxy.at("one") });
    expect(second.status).toBe(503);
    expect(second.headers["finagle-http-nack"]).toBe("true");
    expect(second.headers["retry-after"]).toBe("0");
    expect((await first).status).toBe(200);
    expect((await ask({ to: proxy.at("one") })).status).toBe(200);
  });

  it("close connections that are idle for too long, on both sides", async () => {
    const answer = await sendRaw(proxy.at("sessions"), "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 2000);
    expect(answer).toContain(" 200 OK");
    // The end of a connection reaches its client before it reaches the metrics.
    await vi.waitFor(async () => {
      const metrics = await proxy.metrics();
      expect(metrics["rt/sessions/server/127.0.0.4/0/idle"]).toBe(1);
      expect(metrics["rt/sessions/server/127.0.0.4/0/connections"]).toBe(0);
      expect(metrics[`rt/sessions/client/$/inet/127.1/${backend.port}/connections`]).toBe(0);
    }, patience);
  });

  it("A53: answer 431 and 414 to heads that are too long, and send nothing upstream", async () => {
    const before = backend.received.length;
    const long = "x".repeat(2000);
    expect(await sendRaw(proxy.at("small"), `GET / HTTP/1.1\r\nHost: a\r\nX: ${long}\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 431 /,
    );
    expect(await sendRaw(proxy.at("small"), `GET /${long} HTTP/1.1\r\nHost: a\r\n\r\n`)).toMatch(/^HTTP\/1.1 414 /);
    expect(backend.received.length).toBe(before);
  });

  it("answer 502 to a response whose head is too long", async () => {
    const answer = await ask({ to: proxy.at("small"), headers: { "x-head-bytes": "2000" } });
    expect([answer.status, answer.headers["x-long"]]).toEqual([502, undefined]);
    expect((await ask({ to: proxy.at("small"), headers: { "x-head-bytes": "100" } })).status).toBe(200);
  });

  it("are taken from the last entry of a static config that matches", async () => {
    expect((await ask({ to: proxy.at("static"), host: "quick", headers: slow })).status).toBe(503);
    expect((await ask({ to: proxy.at("static"), host: "other", headers: slow })).status).toBe(200);
  });
});
