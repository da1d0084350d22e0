import type { Server } from "node:http";
import type { Clock } from "@weftmesh/core";

/** Takes no more connections, lets answers under way finish, and cuts what is left after the grace. Units: ms. */
export function closeHttpServer(server: Server, clock: Clock, graceMs: number): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = clock.after(graceMs, () => server.closeAllConnections());
    server.close(() => {
      timer.cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}
