import { type AddressInfo, createServer, type Socket } from "node:net";
import type { SecureContext, TLSSocket } from "node:tls";
import { type Clock, systemClock } from "@weftmesh/core";
import { acceptedSocket } from "./accepted-socket.ts";
import { nodeTls } from "./node-tls.ts";

const withinMs = 2_000;
const words = ["ping", "pong"] as const;

let found: Promise<boolean> | undefined;

/**
 * Whether accepted connections can be read into buffers of ours on this runtime: found out once per process, by an
 * exchange with ourselves over loopback.
 */
export function readsIntoBuffers(context: SecureContext): Promise<boolean> {
  found ??= works(context, systemClock);
  return found;
}

/** Sends two words there and back, and sees both ends close. */
function works(context: SecureContext, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    let client: TLSSocket | undefined;
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (accepted) => {
      try {
        echo(context, accepted);
      } catch {
        finish(false);
      }
    });
    const finish = (ok: boolean): void => {
      timer.cancel();
      client?.destroy();
      server.close();
      resolve(ok);
    };
    const timer = clock.after(withinMs, () => finish(false));
    server.on("error", () => finish(false));
    server.listen(0, "127.0.0.1", () => {
      // It is nobody but ourselves, and what is sent is no secret.
      client = nodeTls().connect({
        port: (server.address() as AddressInfo).port,
        host: "127.0.0.1",
        rejectUnauthorized: false,
      });
      talk(client, finish);
    });
  });
}

function echo(secureContext: SecureContext, accepted: Socket): void {
  const buffer = Buffer.alloc(64);
  const socket = acceptedSocket(accepted, {
    secureContext,
    requestCert: false,
    alpn: ["http/1.1"],
    onread: {
      buffer,
      callback: (length, bytes) => {
        socket.write(Buffer.from(bytes.subarray(0, length)));
        return true;
      },
    },
  });
  socket.on("error", () => socket.destroy());
  socket.on("end", () => socket.end());
}

function talk(client: TLSSocket, finish: (ok: boolean) => void): void {
  let heard = "";
  client.on("secureConnect", () => client.write(words[0]));
  client.on("data", (bytes) => {
    heard += bytes.toString("latin1");
    if (heard === words[0]) client.write(words[1]);
    if (heard === words[0] + words[1]) client.end();
  });
  client.on("error", () => finish(false));
  client.on("close", () => finish(heard === words[0] + words[1]));
}
