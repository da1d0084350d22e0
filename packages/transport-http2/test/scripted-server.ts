import { type AddressInfo, createServer } from "node:net";
import { Ctx, systemClock } from "@weftmesh/core";
import { type Body, emptyBody, Headers, HttpRequest, type HttpResponse } from "@weftmesh/http";
import { type ClientSession, Http2Connector, type Http2ConnectorOptions } from "@weftmesh/transport-http2";
import { FrameType } from "../src/frame-types.ts";
import { FramePeer } from "./frame-peer.ts";

/** A server that does just what a test says, and a session of ours to it. */
export interface ScriptedServer {
  readonly server: FramePeer;
  readonly session: ClientSession;
  close(): void;
}

/** Our client over a connection whose other end has sent `ours` as its settings. */
export async function scriptedServer(
  ours: Uint8Array = Buffer.alloc(0),
  options: Partial<Http2ConnectorOptions> = {},
): Promise<ScriptedServer> {
  const peers: FramePeer[] = [];
  const listening = createServer({ noDelay: true }, (socket) => {
    const peer = new FramePeer(socket, "server");
    peers.push(peer.write(FrameType.Settings, 0, 0, ours));
  });
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const connector = new Http2Connector({
    host: "127.0.0.1",
    port: (listening.address() as AddressInfo).port,
    clock: systemClock,
    connectTimeoutMs: 10_000,
    ...options,
  });
  const session = await connector.open(new Ctx());
  const [server] = peers as [FramePeer];
  await server.find("our settings", ({ type, flags }) => type === FrameType.Settings && flags === 0);
  return {
    server,
    session,
    close: () => {
      server.destroy();
      listening.close();
    },
  };
}

export interface Call {
  readonly ctx: Ctx;
  readonly rep: Promise<HttpResponse>;
}

/** A call whose failure nobody has to wait for. */
export function call(session: ClientSession, path = "/", method = "GET", body: Body = emptyBody): Call {
  const ctx = new Ctx();
  const rep = session.call(new HttpRequest("2", method, "http", "web.example", path, new Headers(), body), ctx);
  rep.catch(() => {});
  return { ctx, rep };
}

/** What the call failed with. */
export async function failureOf({
  rep,
}: Call): Promise<Error & { readonly code?: string; readonly flags?: readonly string[] }> {
  return rep.then(
    () => {
      throw new Error("it was answered");
    },
    (error: Error) => error,
  );
}
