import {
  type ChannelCredentials,
  type ChannelOptions,
  compressionAlgorithms,
  credentials,
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
import { until } from "../src/until.ts";

let ca: CertificateAuthority;
let pair: MadeCertificate;
let plainServer: InteropServer;
let tlsServer: InteropServer;

beforeAll(async () => {
  ca = await CertificateAuthority.create();
  pair = await ca.issue({ dns: ["interop.test"] });
  plainServer = await InteropServer.start();
  tlsServer = await InteropServer.start(pair);
});

afterAll(() => {
  plainServer.stop();
  tlsServer.stop();
});

interface Way {
  readonly title: string;
  readonly tls: boolean;
  readonly server: () => InteropServer;
  readonly port: () => number;
  /** By the mesh client instead of a channel of grpc-js. */
  readonly mesh?: boolean;
}

/** Without anything between them, so that cases and server are shown to be right by themselves. */
const ways: readonly Way[] = [
  { title: "straight to the server", tls: false, server: () => plainServer, port: () => plainServer.port },
  { title: "straight to the server over TLS", tls: true, server: () => tlsServer, port: () => tlsServer.port },
  { title: "by the mesh client", tls: false, server: () => plainServer, port: () => plainServer.port, mesh: true },
  { title: "by the mesh client over TLS", tls: true, server: () => tlsServer, port: () => tlsServer.port, mesh: true },
];

function clientsOf({ tls, port, mesh }: Way, options: ChannelOptions = {}): InteropClients & { close(): void } {
  const creds = tls ? credentials.createSsl(Buffer.from(ca.cert)) : credentials.createInsecure();
  const names = { "grpc.default_authority": "interop.test", "grpc.ssl_target_name_override": "interop.test" };
  const between = mesh === true ? meshClient(port(), creds, { ...names, ...options }) : undefined;
  const all = between === undefined ? { ...names, ...options } : { interceptors: [between.interceptor] };
  // The mesh client uses no channel of the client's own.
  const target = `127.0.0.1:${between === undefined ? port() : 1}`;
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

function meshClient(port: number, creds: ChannelCredentials, options: ChannelOptions): GrpcClient {
  return grpcClient(
    Params.empty
      .with(ClockParam, systemClock)
      .with(RngParam, systemRng)
      .with(DestParam, Var.of(boundAddr([address("127.0.0.1", port)])))
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
    const gzip = clientsOf(way, { "grpc.default_compression_algorithm": compressionAlgorithms.gzip });
    try {
      for (const { run } of interopCases.filter(({ name }) => name === "large_unary" || name === "ping_pong")) {
        await run(gzip);
      }
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
