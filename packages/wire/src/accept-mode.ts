import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type Clock, systemClock } from "@weftmesh/core";
import { type AcceptMode, acceptWire } from "./accept-wire.ts";
import type { WireReader } from "./wire.ts";

const withinMs = 1_000;
const words = ["ping", "pong"] as const;

let mode: Promise<AcceptMode> | undefined;

/**
 * Which way of reading accepted connections works on this runtime: found out once per process, by an exchange with
 * ourselves over loopback.
 */
export function acceptMode(): Promise<AcceptMode> {
  mode ??= works(systemClock).then((ok) => (ok ? "onread" : "data"));
  return mode;
}

/** Sends two words there and back, and sees both ends close. */
function works(clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    let client: Socket | undefined;
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (accepted) => {
      try {
        echo(accepted);
      } catch {
        finish(false);
      }
    });
    const timer = clock.after(withinMs, () => finish(false));
    const finish = (ok: boolean): void => {
      timer.cancel();
      client?.destroy();
      server.close();
      resolve(ok);
    };
    server.on("error", () => finish(false));
    server.listen(0, "127.0.0.1", () => {
      client = connect((server.address() as AddressInfo).port, "127.0.0.1");
      talk(client, finish);
    });
  });
}

function echo(accepted: Socket): void {
  const reader: WireReader = {
    onBytes: (bytes, end) => void wire.writeBytes(wire.chunk(bytes, 0, end)),
    onEof: () => wire.end(),
    onWritable: () => {},
    onClosed: () => {},
  };
  const { wire } = acceptWire(accepted, "onread", reader);
}

function talk(client: Socket, finish: (ok: boolean) => void): void {
  let heard = "";
  client.on("data", (bytes) => {
    heard += bytes.toString("latin1");
    if (heard === words[0]) client.write(words[1]);
    if (heard === words[0] + words[1]) client.end();
  });
  client.on("error", () => finish(false));
  client.on("close", () => finish(heard === words[0] + words[1]));
  client.write(words[0]);
}
