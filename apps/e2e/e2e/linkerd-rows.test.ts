// What Linkerd 1's own end-to-end tests of http assert, told again from outside. Titles bear the names of those tests.
// The others of that list are in routing, classification, reliability, limits, http-semantics and access-log.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Backend } from "../src/backend.ts";
import { RunningProxy } from "../src/proxy.ts";
import { ask, sendRaw } from "../src/raw-http.ts";
import { until } from "../src/until.ts";

const kinds = ["retryableRead5XX", "retryableIdempotent5XX", "retryableAll5XX", "nonRetryable5XX"] as const;
const read = ["GET", "HEAD", "OPTIONS", "TRACE"];
const idempotent = [...read, "PUT", "DELETE"];
const all = [...idempotent, "POST", "PATCH"];
const retried: Readonly<Record<string, readonly string[]>> = {
  retryableRead5XX: read,
  retryableIdempotent5XX: idempotent,
  retryableAll5XX: all,
  nonRetryable5XX: [],
};

let backend: Backend;
let proxy: RunningProxy;
/** How many requests of a key were there before. */
const seen = new Map<string, number>();

beforeAll(async () => {
  backend = await Backend.start((req, res) => {
    const key = `${req.headers["x-key"]}`;
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    switch (req.headers["x-do"]) {
      case "fail-first":
        res.statusCode = count === 1 ? 500 : 200;
        break;
      case "retryable-first":
        res.statusCode = count === 1 ? 500 : 200;
        if (count === 1) res.setHeader("l5d-retryable", "true");
        break;
      case "fail":
        res.statusCode = 500;
        break;
      case "fail-chunked":
        res.statusCode = 500;
        res.write("a");
        setImmediate(() => res.end("b"));
        return;
      case "nack-in-turn":
        if (count % 2 === 1) {
          res.statusCode = 503;
          res.setHeader("finagle-http-nack", "true");
        }
        break;
      case "slow-first":
        if (count === 1) return;
        break;
    }
    res.end();
  });
  const dtab = `/svc/* => /$/inet/127.1/${backend.port} ; /svc/felix => /p/cat ; /p/cat => /$/inet/127.1/${backend.port} ; /svc/none => ! ; /svc/whole => /$/inet/127.0.0.1/${backend.port}`;
  const routers = [
    ...kinds.map((kind) => `  label: ${kind}\n  service: { responseClassifier: { kind: io.l5d.http.${kind} } }`),
    "  label: plain",
    `  label: half
  service:
    kind: io.l5d.static
    configs:
    - { prefix: /svc, responseClassifier: { kind: io.l5d.http.retryableAll5XX } }
    - { prefix: /svc/a, retries: { budget: { percentCanRetry: 0.5, minRetriesPerSec: 0 } } }
    - { prefix: /svc/b, retries: { budget: { percentCanRetry: 0.2, minRetriesPerSec: 10 } } }`,
    "  label: timed\n  client: { requestAttemptTimeoutMs: 1000 }\n  service: { responseClassifier: { kind: io.l5d.http.retryableRead5XX } }",
    `  label: idle
  client:
    kind: io.l5d.static
    configs:
    - { prefix: "/$/inet/127.1/{port}", clientSession: { idleTimeMs: 500 } }`,
    `  label: requeued
  client:
    kind: io.l5d.static
    configs:
    - { prefix: /, failFast: false, failureAccrual: { kind: none } }
    - { prefix: "/$/inet/127.0.0.1", requeueBudget: { minRetriesPerSec: 0, percentCanRetry: 1.0, ttlSecs: 60 } }
    - { prefix: "/$/inet/127.1", requeueBudget: { minRetriesPerSec: 0, percentCanRetry: 0.5, ttlSecs: 60 } }`,
  ];
  const server = (i: number): string => (i === 4 ? "serverSession: { lifeTimeMs: 600, idleTimeMs: 60000 }, " : "");
  proxy = await RunningProxy.start(`
admin: { port: 0 }
routers:
${routers.map((own, i) => `- protocol: http\n${own}\n  dtab: "${dtab}"\n  servers: [{ ${server(i)}port: 0, ip: 127.0.0.${i + 1} }]`).join("\n")}
`);
});

afterAll(async () => {
  await proxy?.stop();
  await backend?.stop();
});

const client = (label: string) => `rt/${label}/client/$/inet/127.1/${backend.port}`;
const server = (label: string) => `rt/${label}/server/${proxy.at(label).ip}/0`;

/** What metrics of these names have grown by meanwhile; what is not there is 0. */
async function growth(names: readonly string[], act: () => Promise<unknown>): Promise<readonly number[]> {
  const before = await proxy.metrics();
  await act();
  const after = await proxy.metrics();
  return names.map((name) => (after[name] ?? 0) - (before[name] ?? 0));
}

describe("HttpEndToEndTest", () => {
  it("linking: binds through the dtab; an unknown host is 502 and an empty one 400, both with l5d-err", async () => {
    expect((await ask({ to: proxy.at("plain"), host: "felix" })).status).toBe(200);
    const unknown = await ask({ to: proxy.at("plain"), host: "none" });
    expect([unknown.status, unknown.headers["l5d-err"] !== undefined]).toEqual([502, true]);
    const empty = await sendRaw(proxy.at("plain"), "GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n");
    expect(empty).toMatch(/^HTTP\/1\.1 400 [\s\S]*?l5d-err: /);
  });

  it("marks 5XX as failure by default", async () => {
    const to = proxy.at("plain");
    await ask({ to, host: "fresh" });
    const first = await proxy.metrics();
    expect(["requests", "success", "failures"].map((each) => first[`rt/plain/service/svc/fresh/${each}`])).toEqual([
      1, 1, 0,
    ]);
    await ask({ to, host: "fresh", headers: { "x-do": "fail" } });
    const second = await proxy.metrics();
    for (const scope of ["rt/plain/service/svc/fresh", `${client("plain")}/service/svc/fresh`]) {
      expect(["requests", "success", "failures"].map((each) => second[`${scope}/${each}`])).toEqual([2, 1, 1]);
    }
  });

  it.each(kinds)("retries %s", async (kind) => {
    for (const method of all) {
      const key = `${kind}-${method}`;
      const names = [
        `${server(kind)}/requests`,
        `${server(kind)}/success`,
        `${client(kind)}/requests`,
        `${client(kind)}/success`,
        `${client(kind)}/failures`,
        `${client(kind)}/status/500`,
        `rt/${kind}/service/svc/web/retries/total`,
      ];
      let status = 0;
      const grown = await growth(names, async () => {
        status = (await ask({ to: proxy.at(kind), method, headers: { "x-do": "fail-first", "x-key": key } })).status;
      });
      const again = retried[kind]?.includes(method) === true;
      expect([method, status, ...grown]).toEqual(
        again ? [method, 200, 1, 1, 2, 1, 1, 1, 1] : [method, 500, 1, 0, 1, 0, 1, 1, 0],
      );
    }
  });

  it("dtab read from l5d-dtab and l5d-ctx-dtab header; dtab-local header is ignored", async () => {
    for (const name of ["l5d-dtab", "l5d-ctx-dtab"]) {
      await ask({ to: proxy.at("plain"), headers: { [name]: "/a=>/b", "dtab-local": "/x=>/y" } });
      const headers: Readonly<Record<string, unknown>> = backend.received.at(-1)?.headers ?? {};
      expect([headers["l5d-ctx-dtab"], headers["l5d-dtab"], headers["dtab-local"]]).toEqual([
        "/a=>/b",
        undefined,
        "/x=>/y",
      ]);
    }
    await ask({ to: proxy.at("plain"), headers: { "dtab-local": "/x=>/y" } });
    expect(backend.received.at(-1)?.headers["l5d-ctx-dtab"]).toBeUndefined();
  });

  it("clientSession idleTimeMs for a static client closes its connections, and unset keeps them", async () => {
    await ask({ to: proxy.at("idle") });
    await ask({ to: proxy.at("plain") });
    await until(
      async () => (await proxy.metrics())[`${client("idle")}/connections`] === 0,
      "the idle connection to close",
    );
    expect((await proxy.metrics())[`${client("plain")}/connections`]).toBeGreaterThanOrEqual(1);
  });

  it("serverSession lifeTimeMs closes server connections, counted", async () => {
    const name = `${server("plain")}/lifetime`;
    const grown = await growth([name], () => sendRaw(proxy.at("plain"), "GET / HTTP/1.1\r\nHost: web\r\n\r\n", 3000));
    expect(grown[0]).toBeGreaterThanOrEqual(1);
  });
});

describe("RetriesEndToEndTest", () => {
  it("retries: half of the requests may be sent again; per-service retry policy is independent", async () => {
    const to = proxy.at("half");
    const fail = { "x-do": "fail" };
    // Two requests pay for one retry; the first has no credit.
    const first = await growth([`${client("half")}/requests`], () => ask({ to, host: "a", headers: fail }));
    const second = await growth([`${client("half")}/requests`], () => ask({ to, host: "a", headers: fail }));
    expect([first[0], second[0]]).toEqual([1, 2]);
    expect((await proxy.metrics())["rt/half/service/svc/a/retries/budget_exhausted"]).toBeGreaterThanOrEqual(1);
    // The reserve of b, 100 by 10 a second for 10 s, is its own.
    const reserve = await growth([`${client("half")}/requests`], () => ask({ to, host: "b", headers: fail }));
    expect(reserve[0]).toBe(101);
  });

  it("requeues, and per-client requeue policy: each client has the budget of its prefix, to the request", async () => {
    const to = proxy.at("requeued");
    /** Status, and of that client the balance, its requeues, and how often its limit was met. */
    const send = async (host: string, at: string): Promise<readonly unknown[]> => {
      const { status } = await ask({ to, host, headers: { "x-do": "nack-in-turn", "x-key": `requeued ${host}` } });
      const metrics = await proxy.metrics();
      const of = `rt/requeued/client/$/inet/${at}/${backend.port}/retries`;
      return [status, ...["budget", "requeues", "request_limit"].map((name) => metrics[`${of}/${name}`] ?? 0)];
    };
    // One requeue for each request: all of them are answered by the second attempt.
    for (let i = 1; i <= 10; i++) expect(await send("whole", "127.0.0.1")).toEqual([200, 0, i, 0]);
    // Half a requeue for each: none for the first, one for the third and the fourth, none for the fifth.
    expect(await send("half", "127.1")).toEqual([503, 0, 0, 1]);
    expect(await send("half", "127.1")).toEqual([200, 1, 0, 1]);
    expect(await send("half", "127.1")).toEqual([200, 0, 1, 1]);
    expect(await send("half", "127.1")).toEqual([200, 0, 2, 1]);
    expect(await send("half", "127.1")).toEqual([503, 0, 2, 2]);
  });

  it("l5d-retryable header is respected by default, and takes precedence over the response classifier", async () => {
    const get = await ask({ to: proxy.at("plain"), headers: { "x-do": "retryable-first", "x-key": "r1" } });
    expect([get.status, seen.get("r1")]).toEqual([200, 2]);
    const post = await ask({
      to: proxy.at("retryableRead5XX"),
      method: "POST",
      headers: { "x-do": "retryable-first", "x-key": "r2" },
    });
    expect([post.status, seen.get("r2")]).toEqual([200, 2]);
  });

  it("chunked error responses should not leak connections on retries", async () => {
    const names = [`${client("retryableIdempotent5XX")}/requests`, `${client("retryableIdempotent5XX")}/connects`];
    await ask({ to: proxy.at("retryableIdempotent5XX"), host: "leak" });
    let status = 0;
    const grown = await growth(names, async () => {
      status = (
        await ask({ to: proxy.at("retryableIdempotent5XX"), host: "leak", headers: { "x-do": "fail-chunked" } })
      ).status;
    });
    expect(status).toBe(500);
    expect(grown[0]).toBeGreaterThanOrEqual(100);
    // A retry does not wait for the rest of the answer before it, so there are two connections in turn, never more.
    expect(grown[1]).toBeLessThanOrEqual(1);
    expect((await proxy.metrics())[`${client("retryableIdempotent5XX")}/connections`]).toBeLessThanOrEqual(2);
  });

  it("individual request timeouts should be retried", async () => {
    const names = [`${client("timed")}/requests`, "rt/timed/service/svc/web/retries/total"];
    let status = 0;
    const grown = await growth(names, async () => {
      status = (await ask({ to: proxy.at("timed"), headers: { "x-do": "slow-first", "x-key": "slow" } })).status;
    });
    expect([status, ...grown]).toEqual([200, 2, 1]);
  });
});
