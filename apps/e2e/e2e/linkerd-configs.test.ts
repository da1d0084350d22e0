import { afterAll, describe, expect, it } from "vitest";
import { Program } from "../src/process.ts";
import { proxyArgs, RunningProxy, TempDir } from "../src/proxy.ts";

const dir = new TempDir();
dir.write("cat", "127.1 8888\n");
afterAll(() => dir.remove());

const fs = `namers: [{ kind: io.l5d.fs, rootDir: ${dir.path} }]\n`;
const admin = "admin: { port: 0 }\n";

/** Configs as Linkerd's users write them, each of another part of what there is. */
const whole: Readonly<Record<string, string>> = {
  "a dtab to a fixed address": `${admin}routers:
- protocol: http
  dtab: |
    /svc/* => /$/inet/localhost/8080;
  servers: [{ port: 0, ip: 0.0.0.0 }]`,
  "rewriting of names": `${admin}namers:
- { kind: io.l5d.fs, rootDir: ${dir.path} }
- { kind: io.l5d.rewrite, prefix: /apiToSrv, pattern: "/{service}/api", name: "/srv/{service}" }
routers:
- protocol: http
  identifier: { kind: io.l5d.path, segments: 2 }
  dtab: /srv => /#/io.l5d.fs ; /svc => /#/apiToSrv
  servers: [{ port: 0 }]`,
  "every identifier, in a list": `${admin}${fs}routers:
- protocol: http
  dstPrefix: /http
  identifier:
  - { kind: io.l5d.header }
  - { kind: io.l5d.header.token, header: x-service }
  - { kind: io.l5d.methodAndHost, httpUriInDst: true }
  - { kind: io.l5d.path, segments: 1, consume: true }
  - { kind: io.l5d.static, path: /fallback }
  dtab: /http => /#/io.l5d.fs
  servers: [{ port: 0 }]`,
  "client options by prefix": `${admin}${fs}routers:
- protocol: http
  label: foobar
  dtab: /svc => /#/io.l5d.fs
  client:
    kind: io.l5d.static
    configs:
    - { prefix: /, requestAttemptTimeoutMs: 1000, loadBalancer: { kind: ewma } }
    - { prefix: /#/io.l5d.fs/cat, hostConnectionPool: { maxSize: 10, minSize: 0, idleTimeMs: 10000, maxWaiters: 5000 }, failFast: false }
    - prefix: "/#/*/{service}"
      socketOptions: { keepAlive: true, reusePort: true, readTimeoutMs: 61000, writeTimeoutMs: 61000 }
      loadBalancer: { kind: p2c, maxEffort: 10 }
  service:
    responseClassifier: { kind: io.l5d.http.retryableIdempotent5XX }
    totalTimeoutMs: 1000
  servers: [{ port: 0 }]`,
  "h2.yaml of its examples": `${admin}${fs}routers:
- protocol: h2
  h2AccessLog: ${dir.path}/logs/access.log
  h2AccessLogRollPolicy: daily
  h2AccessLogAppend: true
  h2AccessLogRotateCount: -1
  dtab: |
    /srv => /#/io.l5d.fs;
    /svc/localhost:4142 => /$/inet/127.1/8888;
    /svc => /srv;
  identifier: { kind: io.l5d.header.token, header: ":authority" }
  servers:
  - port: 0
    maxConcurrentStreamsPerConnection: 300
    addForwardedHeader: { by: { kind: "ip:port" }, for: { kind: "ip:port" } }
    initialStreamWindowBytes: 1048576 # 1MB
  client: { initialStreamWindowBytes: 1048576 }`,
  "h2spec.yaml of its examples": `${admin}usage: { enabled: false }
routers:
- protocol: h2
  label: h2
  servers: [{ port: 0, ip: 0.0.0.0 }]
  dtab: /svc => /$/inet/127.1/8080`,
  "plaintext gRPC, and every key of its documentation": `${admin}${fs}routers:
- protocol: h2
  label: grpc
  experimental: true
  identifier: { kind: io.l5d.header.path, segments: 2 }
  tracePropagator: { kind: io.l5d.zipkin }
  dtab: /svc => /#/io.l5d.fs
  service:
    kind: io.l5d.static
    configs:
    - { prefix: /svc, responseClassifier: { kind: io.l5d.h2.grpc.default, successStatusCodes: [0, 1, 2] } }
    - { prefix: /svc/a, classificationTimeoutMs: 50, retryBufferSize: { requestBytes: 1000, responseBytes: 2000 } }
    - { prefix: /svc/b, responseClassifier: { kind: io.l5d.h2.grpc.retryableStatusCodes, retryableStatusCodes: [1, 2] } }
  client: { windowUpdateRatio: 0.75, headerTableBytes: 8192, maxFrameBytes: 32768, maxHeaderListBytes: 16384 }
  servers: [{ port: 0, windowUpdateRatio: 0.75, headerTableBytes: 8192, maxFrameBytes: 32768, maxHeaderListBytes: 16384, maxCallDepth: 10 }]`,
  "server options": `${admin}${fs}routers:
- protocol: http
  maxHeadersKB: 16
  maxInitialLineKB: 16
  streamAfterContentLengthKB: 102400
  maxErrResponseKB: 100
  bindingTimeoutMs: 5000
  bindingCache: { paths: 10, trees: 10, bounds: 10, clients: 10, idleTtlSecs: 60 }
  dtab: /svc => /#/io.l5d.fs
  originator: true
  servers:
  - port: 0
    maxConcurrentRequests: 10000
    clearContext: true
    maxCallDepth: 10
    timestampHeader: x-request-start
    timeoutMs: 30000
    addForwardedHeader: { by: { kind: "ip:port" }, for: { kind: ip } }
    serverSession: { idleTimeMs: 60000, lifeTimeMs: 600000 }
    socketOptions: { noDelay: true, reuseAddr: true, readTimeoutMs: 61000, writeTimeoutMs: 61000, keepAlive: true, backlog: 128 }
usage: { orgId: mine, enabled: false }
telemetry: [{ kind: io.l5d.prometheus, path: /metrics, prefix: l5d_ }]`,
  "the same in JSON": JSON.stringify({
    admin: { port: 0, security: { controlEnabled: false, pathWhitelist: ["/admin/threads"] } },
    routers: [{ protocol: "http", dtab: "/svc => /$/nil", servers: [{ port: 0 }] }],
  }),
};

describe("a config of Linkerd 1", () => {
  for (const [name, config] of Object.entries(whole)) {
    it(`boots as it is: ${name}`, async () => {
      const proxy = await RunningProxy.start(config);
      expect(proxy.servers.size).toBe(1);
      expect(await proxy.stop()).toBe(0);
    });
  }

  const http = (keys: string, more = "") =>
    `${admin}${more}routers:\n- protocol: http\n  servers: [{ port: 0 }]\n  ${keys}\n`;
  /** What this build does not have: one line each, at the place of the word. */
  const absent: readonly (readonly [string, string])[] = [
    [
      http("", "namers: [{ kind: io.l5d.consul, host: localhost }]\n"),
      ": namers[0].kind: io.l5d.consul is a Linkerd namer",
    ],
    [
      http("interpreter: { kind: io.l5d.namerd, dst: /$/inet/127.1/4100 }"),
      ": routers[0].interpreter.kind: io.l5d.namerd is",
    ],
    [http("", "telemetry: [{ kind: io.l5d.zipkin }]\n"), ": telemetry[0].kind: io.l5d.zipkin is a Linkerd telemeter"],
    [
      `${admin}routers: [{ protocol: mux, servers: [{ port: 0 }] }]`,
      ": routers[0].protocol: mux is a Linkerd protocol",
    ],
    [
      http("client: { requestAuthorizers: [{ kind: io.l5d.k8s.istio }] }"),
      ": routers[0].client.requestAuthorizers[0].kind: io.l5d.k8s.istio is a Linkerd request authorizer",
    ],
  ];
  it("fails with one precise line for what is not there yet", async () => {
    for (const [config, message] of absent) {
      const program = new Program(process.execPath, [...proxyArgs, "-validate", "-"], { stdin: config });
      expect(await program.exited).toBe(1);
      expect(program.output).toContain(message);
      expect(program.output).toMatch(/^-:\d+:\d+: [^\n]*\n$/);
    }
  });
});
