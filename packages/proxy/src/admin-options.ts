import type { AdminEndpoint, AdminOptions, FindDelegator } from "@weftmesh/admin";
import { type Activity, ClockParam } from "@weftmesh/core";
import type { Addr, Delegator, Interpreter, Path } from "@weftmesh/naming";
import type { AdminHandler } from "@weftmesh/telemetry";
import type { RunnableProxy } from "./create-proxy.ts";
import { firstValue } from "./first-value.ts";
import { version } from "./version.ts";

/** What the admin server shows of a proxy. */
export function adminOptions(built: RunnableProxy, shutdown: (graceMs: number | undefined) => void): AdminOptions {
  const { config, configJson, profiles, linked, logs, metrics, params } = built;
  const { admin } = config;
  const logger = logs.logger("admin");
  return {
    ip: admin.ip,
    port: admin.port,
    clock: params.get(ClockParam),
    info: { name: "weftmesh", version, build: version },
    metrics,
    log: (message) => logger.error(message),
    security: admin.security,
    allowedHosts: admin.security.allowedHosts,
    profiles: () => profiles,
    handlers: handlersOf(built),
    shutdown,
    config: () => configJson,
    stacks: () =>
      Object.fromEntries(
        linked.routers.map(({ router }) => [router.label, { protocol: router.protocol, stacks: router.stacks }]),
      ),
    logLevels: logs,
    delegator: delegatorOf(built),
    boundNames: () => boundNames(built),
    clients: () => clientsOf(built),
  };
}

function handlersOf({ linked }: RunnableProxy): readonly (AdminEndpoint | AdminHandler)[] {
  const telemeters = linked.telemeters.flatMap((telemeter) => telemeter.adminHandlers ?? []);
  const namers = linked.namers.flatMap((namer) => namer.adminHandlers ?? []);
  return [...telemeters, ...namers];
}

function canDelegate(interpreter: Interpreter): interpreter is Interpreter & Delegator {
  return "delegate" in interpreter;
}

/** The explanation comes from the interpreter that binds for the router, so that it cannot differ. */
function delegatorOf({ linked }: RunnableProxy): FindDelegator {
  return (namespace) => {
    if (namespace === undefined) return linked.withoutNamers;
    const found = linked.routers.find(({ router }) => router.label === namespace);
    return found !== undefined && canDelegate(found.interpreter) ? found.interpreter : undefined;
  };
}

async function boundNames({ linked }: RunnableProxy): Promise<readonly string[]> {
  const names: string[] = [];
  for (const namer of linked.namers) {
    const activity: Activity<readonly Path[]> | undefined = namer.enumerate?.();
    if (activity === undefined) continue;
    for (const path of await firstValue(activity)) names.push(path.show);
  }
  return names;
}

function* clientsOf({ linked }: RunnableProxy): Generator<readonly [string, Addr]> {
  for (const { router } of linked.routers) for (const { id, addr } of router.snapshot().clients) yield [id, addr];
}
