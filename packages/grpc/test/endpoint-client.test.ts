import { type AddressInfo, createServer, type Socket } from "node:net";
import { credentials, Metadata, status } from "@grpc/grpc-js";
import { Ctx, systemClock } from "@weftmesh/core";
import type { Address } from "@weftmesh/naming";
import { address } from "@weftmesh/naming";
import { eventually } from "@weftmesh/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { EndpointClient, GrpcRequest, type GrpcResponse, RequestMessages } from "../src/index.ts";
import { EchoServer, echoDefinition } from "./support/echo.ts";

const open: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function server(port = 0): Promise<EchoServer> {
  const started = await EchoServer.start({}, port);
  open.push(() => started.stop());
  return started;
}

function endpoint(to: Address, connectTimeoutMs = 5000): EndpointClient {
  const client = new EndpointClient(to, {
    credentials: credentials.createInsecure(),
    options: {},
    connectTimeoutMs,
    clock: systemClock,
  });
  open.push(() => client.close());
  return client;
}

/** Takes connections and never says a word of HTTP/2. */
async function silence(): Promise<Address> {
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  open.push(() => {
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  return address("127.0.0.1", (listener.address() as AddressInfo).port);
}

function request(metadata = new Metadata()): GrpcRequest {
  const messages = new RequestMessages(1000);
  messages.push(echoDefinition["say"]?.requestSerialize({ text: "x" }) ?? Buffer.alloc(0), () => {});
  messages.end();
  const path = echoDefinition["say"]?.path ?? "";
  return new GrpcRequest({ path, metadata, messages, requestStream: false, responseStream: false });
}

async function call(client: EndpointClient, metadata?: Metadata): Promise<GrpcResponse> {
  const ctx = new Ctx();
  try {
    const rep = await client.call(request(metadata), ctx);
    rep.endWith(ctx);
    return rep;
  } catch (thrown) {
    ctx.end({ kind: "failed", error: thrown as Error });
    throw thrown;
  }
}

describe("the client of one endpoint", () => {
  it("connects with the first call, and is open before that", async () => {
    const one = await server();
    const client = endpoint(one.address);
    expect(client.status).toBe("open");
    expect((await call(client)).status?.code).toBe(status.OK);
    expect(client.status).toBe("open");
  });

  it("is busy while it has no connection, rejects at once, and comes back by itself", async () => {
    const gone = await server();
    gone.stop();
    const client = endpoint(gone.address);
    await expect(call(client)).rejects.toMatchObject({ code: "WEFT_CONNECT_FAILED", flags: ["retryable"] });
    expect(client.status).toBe("busy");
    await expect(call(client)).rejects.toMatchObject({ code: "WEFT_CONNECT_FAILED" });
    await server(gone.port);
    await eventually("it is open again", () => client.status === "open", 15_000);
    expect((await call(client, new Metadata({ waitForReady: true }))).status?.code).toBe(status.OK);
  });

  it("waits for a connection as long as it may, and no longer", async () => {
    const client = endpoint(await silence(), 150);
    const startedMs = systemClock.now();
    await expect(call(client)).rejects.toMatchObject({
      code: "WEFT_CONNECT_TIMEOUT",
      flags: ["retryable"],
    });
    expect(systemClock.now() - startedMs).toBeLessThan(10_000);
  });

  it("lets go of a call that is cancelled while it waits for a connection", async () => {
    const client = endpoint(await silence(), 60_000);
    const ctx = new Ctx();
    const answer = client.call(request(new Metadata({ waitForReady: true })), ctx);
    const reason = new Error("enough");
    ctx.cancel(reason);
    await expect(answer).rejects.toBe(reason);
    ctx.end({ kind: "failed", error: reason });
  });

  it("rejects calls that are cancelled already, and all once it is closed", async () => {
    const one = await server();
    const client = endpoint(one.address);
    const ctx = new Ctx();
    const reason = new Error("enough");
    ctx.cancel(reason);
    await expect(client.call(request(), ctx)).rejects.toBe(reason);
    await client.close();
    expect(client.status).toBe("closed");
    await expect(call(client)).rejects.toMatchObject({ code: "WEFT_CLOSED" });
    expect(one.calls).toBe(0);
  });

  it("finds a host by its name", async () => {
    const one = await server();
    expect((await call(endpoint(address("localhost", one.port)))).status?.code).toBe(status.OK);
  });
});
