import { exitNow } from "./own-exit.ts";
import type { ProxyServer } from "./proxy-server.ts";
import { Successor } from "./successor.ts";

/**
 * What signals do to a proxy: TERM and INT drain it, and end it at once the second time; HUP reads the config again;
 * USR2 starts another process in its place, with the same arguments, which inherits the listening sockets. Without
 * `readText` the last two are refused.
 */
export function actOnSignals(proxy: ProxyServer, readText: (() => string) | undefined): void {
  const log = proxy.built.logs.root;
  let signalled = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (signalled) exitNow(signal === "SIGINT" ? 130 : 143);
      signalled = true;
      log.info(`Received ${signal}. Shutting down ...`);
      proxy.close().catch((error: Error) => log.error(`while closing: ${error.message}`));
    });
  }
  process.on("SIGHUP", () => {
    if (readText === undefined)
      log.error("Received SIGHUP. The config came by standard input and cannot be read again");
    else void proxy.reload(readText);
  });
  const successor = new Successor(proxy);
  process.on("SIGUSR2", () => {
    if (readText === undefined)
      log.error("Received SIGUSR2. The config came by standard input and cannot be read again");
    else successor.start();
  });
}
