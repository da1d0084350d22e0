import {
  type ChannelCredentials,
  type ChannelOptions,
  compressionAlgorithms,
  credentials,
  Metadata,
  status,
} from "@grpc/grpc-js";
import { DestParam } from "@weftmesh/balancer";
import { ClockParam, Params, RngParam, systemClock, systemRng, Var } from "@weftmesh/core";
import { ChannelCredentialsParam, ChannelOptionsParam, type GrpcClient, grpcClient } from "@weftmesh/grpc";
import { address, boundAddr } from "@weftmesh/naming";
import { CertificateAuthority, type MadeCertificate } from "@weftmesh/testkit/certificates";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { duplex, type Stub, unary } from "../src/grpc-interop/calls.ts";
import { type InteropClients, interopCases } from "../src/grpc-interop/cases.ts";
import { TestClient, UnknownClient, type WithPayload, zeros } from "../src/grpc-interop/messages.ts";
import { InteropServer } from "../src/grpc-interop/server.ts";
import { RunningProxy, TempDir } from "../src/proxy.ts";
import type { Target } from "../src/raw-http.ts";
import { until } from "../src/until.ts";

let ca: CertificateAuthority;
let pair: MadeCertificate;
let plainServer: InteropServer;
let tlsServer: InteropServer;
const dir = new TempDir();
let proxy: RunningProxy;

beforeAll(async () => {
  ca = await CertificateAuthority.create();
  pair = await ca.issue({ dns: ["interop.test"] });
  plainServer = await InteropServer.start();
  tlsServer = await InteropServer.start(pair);
  dir.write("ca.pem", ca.cert);
  dir.write("own.pem", pair.cert);
  dir.write("own.key", pair.key);
  const inward = `, tls: { certPath: ${dir.path}/own.pem, keyPath: ${dir.path}/own.key }`;
  const outward = `  client: { tls: { commonName: interop.test, trustCertsBundle: ${dir.path}/ca.pem } }\n`;
  let at = 1;
  const router = (label: string, to: InteropServer, inTls: string, outTls: string): string => `- protocol: h2
  label: ${label}
  dtab: /svc/interop.test => /$/inet/127.0.0.1/${to.port}
  servers: [{ ip: 127.0.0.${++at}, port: 0${inTls} }]
${outTls}`;
  proxy = await RunningProxy.start(`admin: { port: 0 }
routers:
${router("plain", plainServer, "", "")}${router("in", plainServer, inward, "")}${router("out", tlsServer, "", outward)}${router("both", tlsServer, inward, outward)}`);
});

afterAll(async () => {
  plainServer?.stop();
  tlsServer?.stop();
  await proxy?.stop();
  dir.remove();
});

interface Way {
  readonly title: string;
  readonly tls: boolean;
  readonly server: () => InteropServer;
  readonly target: () => Target;
  /** By the mesh client instead of a channel of grpc-js. */
  readonly mesh?: boolean;
}

/** Without anything between them, so that cases and server are shown to be right by themselves. */
const ways: readonly Way[] = [
  { title: "straight to the server", tls: false, server: () => plainServer, target: () => local(plainServer) },
  { title: "straight to the server over TLS", tls: true, server: () => tlsServer, target: () => local(tlsServer) },
  { title: "by the mesh client", tls: false, server: () => plainServer, target: () => local(plainServer), mesh: true },
  {
    title: "by the mesh client over TLS",
    tls: true,
    server: () => tlsServer,
    target: () => local(tlsServer),
    mesh: true,
  },
  { title: "through the proxy", tls: false, server: () => plainServer, target: () => proxy.at("plain") },
  {
    title: "through the proxy, TLS from the client",
    tls: true,
    server: () => plainServer,
    target: () => proxy.at("in"),
  },
  { title: "through the proxy, TLS to the server", tls: false, server: () => tlsServer, target: () => proxy.at("out") },
  { title: "through the proxy, TLS on both sides", tls: true, server: () => tlsServer, target: () => proxy.at("both") },
];

function local({ port }: InteropServer): Target {
  return { ip: "127.0.0.1", port };
}

function clientsOf({ tls, target: at, mesh }: Way, options: ChannelOptions = {}): InteropClients & { close(): void } {
  const creds = tls ? credentials.createSsl(Buffer.from(ca.cert)) : credentials.createInsecure();
  const names = { "grpc.default_authority": "interop.test", "grpc.ssl_target_name_override": "interop.test" };
  const between = mesh === true ? meshClient(at(), creds, { ...names, ...options }) : undefined;
  const all = between === undefined ? { ...names, ...options } : { interceptors: [between.interceptor] };
  // The mesh client uses no channel of the client's own.
  const target = between === undefined ? `${at().ip}:${at().port}` : "127.0.0.1:1";
  const test = new TestClient(target, creds, all);
  const unknown = new UnknownClient(target, creds, all);
  return {
    test,
    unknown,
    close: () => {
      test.close();
      unknown.close();
      void between?.close();
    },
  };
}

function meshClient({ ip, port }: Target, creds: ChannelCredentials, options: ChannelOptions): GrpcClient {
  return grpcClient(
    Params.empty
      .with(ClockParam, systemClock)
      .with(RngParam, systemRng)
      .with(DestParam, Var.of(boundAddr([address(ip, port)])))
      .with(ChannelCredentialsParam, creds)
      .with(ChannelOptionsParam, options),
  );
}

describe.each(ways)("the interop cases of gRPC, $title", (way) => {
  let clients: ReturnType<typeof clientsOf>;
  let test: Stub;

  beforeAll(() => {
    clients = clientsOf(way);
    test = clients.test;
  });

  afterAll(() => clients.close());

  it.each(interopCases)("$name", ({ run }) => run(clients));

  it("large_unary and ping_pong with gzip, which passes as it is", async () => {
    const cases = interopCases.filter(({ name }) => name === "large_unary" || name === "ping_pong");
    expect(cases).toHaveLength(2);
    const gzip = clientsOf(way, { "grpc.default_compression_algorithm": compressionAlgorithms.gzip });
    try {
      for (const { run } of cases) await run(gzip);
    } finally {
      gzip.close();
    }
  });

  it("a hundred of large_unary at once on one connection", async () => {
    const request = { responseSize: 314_159, payload: zeros(271_828) };
    const results = await Promise.all(
      Array.from({ length: 100 }, () => unary<WithPayload>(test, "unaryCall", request)),
    );
    for (const { code, messages } of results) {
      expect(code).toBe(status.OK);
      expect(messages[0]?.payload?.body.length).toBe(314_159);
    }
  });

  it("the server is told of the deadline, which is no later on its way", async () => {
    const server = way.server();
    const { call, result } = duplex(test, "fullDuplexCall", new Metadata(), { deadline: Date.now() + 30_000 });
    call.end();
    expect((await result).code).toBe(status.OK);
    expect(server.lastDeadlineMs).toBeGreaterThan(1000);
    // grpc-js rounds up to a whole ms.
    expect(server.lastDeadlineMs).toBeLessThanOrEqual(30_001);
  });

  it("the server hears that its caller has cancelled", async () => {
    const server = way.server();
    const before = server.cancelled;
    const { call, result } = duplex<WithPayload>(test, "fullDuplexCall");
    call.once("data", () => call.cancel());
    call.write({ responseParameters: [{ size: 1 }] });
    expect((await result).code).toBe(status.CANCELLED);
    await until(() => server.cancelled > before, "word of it at the server");
  });
});

describe("the proxy between clients and servers of grpc-js", () => {
  it("has had all those calls, and knows how they ended", async () => {
    for (const label of ["plain", "in", "out", "both"]) {
      const scope = `rt/${label}/server/${proxy.at(label).ip}/0`;
      // Fourteen cases and what is beside them; those that were to fail are failures, and no others.
      const metrics = await proxy.metricsWhen((each) => (each[`${scope}/requests`] ?? 0) > 110);
      expect(metrics[`${scope}/success`]).toBeGreaterThan(110);
      expect(metrics[`${scope}/failures`]).toBeLessThan(12);
    }
  });

  it("answers in a server's place with a status that grpc-js reads", async () => {
    const gone = await InteropServer.start();
    const { port } = gone;
    gone.stop();
    const other = await RunningProxy.start(`admin: { port: 0 }
routers:
- protocol: h2
  label: gone
  dtab: /svc/interop.test => /$/inet/127.0.0.1/${port}
  servers: [{ port: 0 }]
`);
    try {
      const clients = clientsOf({
        title: "gone",
        tls: false,
        server: () => gone,
        target: () => other.at("gone"),
      });
      const { code, details } = await unary(clients.test, "emptyCall", {});
      expect(code).toBe(status.UNAVAILABLE);
      expect(details).not.toBe("");
      const stream = duplex(clients.test, "fullDuplexCall");
      stream.call.write({});
      expect((await stream.result).code).toBe(status.UNAVAILABLE);
      clients.close();
    } finally {
      await other.stop();
    }
  });
});
