import type { Namer } from "../namer.ts";
import { Path } from "../path.ts";
import { rewriting } from "./rewriting.ts";

/** A port as a number or a name: a DNS label in lower case. */
const portText = /^[a-z0-9][a-z0-9-]{0,62}$/;

function readHostPort(elem: string): readonly [host: string, port: string] | undefined {
  const [host, port, more] = elem.split(":");
  if (host === undefined || host === "" || port === undefined || more !== undefined) return undefined;
  return portText.test(port) ? [host, port] : undefined;
}

/** Rewrites `/<pfx>/<host>:<port>/…`; anything else is not for it. */
function splitting(order: (host: string, port: string) => readonly [string, string]): Namer {
  return rewriting((path) => {
    const [prefix, elem] = path.elems;
    const hostPort = prefix === undefined || elem === undefined ? undefined : readHostPort(elem);
    return hostPort && Path.of(prefix as string, ...order(...hostPort)).concat(path.drop(2));
  });
}

/** `/<pfx>/<host>:<port>/…` to `/<pfx>/<host>/<port>/…`. */
export const hostportPfx: Namer = splitting((host, port) => [host, port]);
/** `/<pfx>/<host>:<port>/…` to `/<pfx>/<port>/<host>/…`. */
export const porthostPfx: Namer = splitting((host, port) => [port, host]);
