import { type Admin, createAdmin } from "@weftmesh/admin";
import { ClockParam } from "@weftmesh/core";
import { Dtab } from "@weftmesh/naming";
import { adminOptions } from "./admin-options.ts";
import { buildProxy, type LiveProxy, type ProxyOptions, type RunnableProxy, runnable } from "./built-proxy.ts";
import { type IdentifiedRouter, IdentifierServer } from "./identifier-server.ts";
import { ProxyServer } from "./proxy-server.ts";
import { Reloader } from "./reloader.ts";

/**
 * A proxy from its config: checked and built, with no port bound. `run` starts it.
 *
 * Errors: `WEFT_CONFIG_INVALID` with every mistake of the config at once; `WEFT_PLUGIN_LOAD`.
 */
export async function createProxy(options: ProxyOptions): Promise<ProxyServer> {
  const live: LiveProxy = { current: runnable(await buildProxy(options)) };
  const { readConfig: readText } = options;
  const admin: Admin = createAdmin(
    adminOptions(live, {
      ...(options.parts === undefined ? {} : { parts: options.parts }),
      shutdown: (graceMs) => void proxy.close(graceMs),
      phase: () => proxy.phase,
      ...(readText === undefined ? {} : { reload: () => proxy.reload(readText) }),
    }),
  );
  const reloader = new Reloader(options, live, admin);
  const proxy: ProxyServer = new ProxyServer(live, {
    admin,
    reloader,
    identifier: identifierServerOf(live),
    parts: options.parts ?? {},
  });
  return proxy;
}

/** The server of `httpIdentifierPort`, for the http routers of the config. */
function identifierServerOf(live: LiveProxy): IdentifierServer | undefined {
  const { config, params, listeners } = live.current;
  const { admin } = config;
  if (admin.httpIdentifierPort === undefined) return undefined;
  return new IdentifierServer({
    ip: admin.ip,
    port: admin.httpIdentifierPort,
    clock: params.get(ClockParam),
    listeners,
    routers: () => identifiedRouters(live.current),
  });
}

function identifiedRouters({ config: { routers }, linked }: RunnableProxy): readonly IdentifiedRouter[] {
  const asked: IdentifiedRouter[] = [];
  for (const [i, { router }] of linked.routers.entries()) {
    if (router.identify !== undefined) asked.push({ router, baseDtab: routers[i]?.config.dtab ?? Dtab.empty });
  }
  return asked;
}
