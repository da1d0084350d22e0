import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { TlsAcceptor } from "@weftmesh/tls";

/** Puts TLS between the connections of a server and its parser: what does not shake hands never gets there. */
export function serveOverTls(server: Server, tls: TlsAcceptor): void {
  const [parse] = server.listeners("connection");
  server.removeAllListeners("connection");
  server.on("connection", (accepted: Socket) => {
    tls.accept(accepted, { made: () => {}, secured: (socket) => void parse?.call(server, socket) });
  });
  server.once("listening", () => tls.start());
}
