import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Backend } from "../src/backend.ts";
import { RunningProxy } from "../src/proxy.ts";
import { ask } from "../src/raw-http.ts";

const kinds = [
  "io.l5d.http.nonRetryable5XX",
  "io.l5d.http.retryableRead5XX",
  "io.l5d.http.retryableIdempotent5XX",
  "io.l5d.http.retryableAll5XX",
  "io.l5d.http.allSuccessful",
];
const methods = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "POST", "PATCH"];

let backend: Backend;
let proxy: RunningProxy;

beforeAll(async () => {
  backend = await Backend.start((req, res) => {
    res.statusCode = Number(req.headers["x-status"] ?? 200);
    res.end();
  });
  const dtab = `/svc/* => /$/inet/127.1/${backend.port}`;
  const routers = kinds.map(
    (kind, i) => `- protocol: http
  label: k${i}
  dtab: ${dtab}
  service:
    responseClassifier: { kind: ${kind} }
    # Each request is one attempt, so that what is counted below can be told.
    retries: { budget: { minRetriesPerSec: 0, percentCanRetry: 0 } }
  servers: [{ port: 0, ip: 127.0.0.${i + 2} }]
`,
  );
  proxy = await RunningProxy.start(`admin: { port: 0 }
routers:
${routers.join("")}- protocol: http
  label: static
  dtab: |
    ${dtab} ;
    /svc/dead => /$/inet/127.1/1 ;
  service:
    kind: io.l5d.static
    configs:
    - { prefix: /svc/a, responseClassifier: { kind: io.l5d.http.allSuccessful } }
    - { prefix: /svc/b, responseClassifier: { kind: io.l5d.http.nonRetryable5XX } }
  servers: [{ port: 0 }]
`);
});

afterAll(async () => {
  await proxy?.stop();
  await backend?.stop();
});

/** Requests, successes and failures of a scope. */
async function counts(scope: string): Promise<readonly (number | undefined)[]> {
  const metrics = await proxy.metrics();
  return ["requests", "success", "failures"].map((name) => metrics[`rt/${scope}/${name}`]);
}

describe("the response classifier of a service", () => {
  it.each(kinds.map((kind, i) => [kind, `k${i}`] as const))(
    "%s: decides what counts as success, everywhere",
    async (kind, label) => {
      for (const method of methods) {
        for (const status of ["200", "404", "500", "503"]) {
          const answer = await ask({ to: proxy.at(label), method, host: "web", headers: { "x-status": status } });
          expect([method, answer.status]).toEqual([method, Number(status)]);
          const succeeded = kind === "io.l5d.http.allSuccessful" || Number(status) < 500;
          expect([method, status, answer.headers["l5d-success-class"]]).toEqual([
            method,
            status,
            succeeded ? "1.0" : "0.0",
          ]);
        }
      }
      const all = methods.length * 4;
      const failed = kind === "io.l5d.http.allSuccessful" ? 0 : methods.length * 2;
      const client = `client/$/inet/127.1/${backend.port}`;
      const server = [...(await metricsOf(label))].find((name) => /\/server\/[^/]+\/0\/requests$/.test(name)) ?? "";
      const scopes = [
        server.slice(3, -"/requests".length),
        `${label}/service/svc/web`,
        `${label}/${client}`,
        `${label}/${client}/service/svc/web`,
      ];
      for (const scope of scopes) expect([scope, ...(await counts(scope))]).toEqual([scope, all, all - failed, failed]);
    },
  );

  it("is that of the service, where some have one of their own", async () => {
    for (const host of ["a", "b"]) {
      expect((await ask({ to: proxy.at("static"), host, headers: { "x-status": "500" } })).status).toBe(500);
    }
    const client = `static/client/$/inet/127.1/${backend.port}`;
    expect(await counts("static/service/svc/a")).toEqual([1, 1, 0]);
    expect(await counts("static/service/svc/b")).toEqual([1, 0, 1]);
    expect(await counts(`${client}/service/svc/a`)).toEqual([1, 1, 0]);
    expect(await counts(`${client}/service/svc/b`)).toEqual([1, 0, 1]);
    expect(await counts(client)).toEqual([2, 1, 1]);
  });

  it("counts a connection that cannot be had as a failure of server and service", async () => {
    const before = await counts("static/server/127.0.0.1/0");
    const answer = await ask({ to: proxy.at("static"), host: "dead" });
    expect([answer.status, answer.headers["l5d-success-class"], answer.headers["via"]]).toEqual([
      502,
      undefined,
      undefined,
    ]);
    const after = await counts("static/server/127.0.0.1/0");
    expect(after.map((each, i) => (each ?? 0) - (before[i] ?? 0))).toEqual([1, 0, 1]);
    expect(await counts("static/service/svc/dead")).toEqual([1, 0, 1]);
  });
});

async function metricsOf(label: string): Promise<readonly string[]> {
  return Object.keys(await proxy.metrics()).filter((name) => name.startsWith(`rt/${label}/`));
}
