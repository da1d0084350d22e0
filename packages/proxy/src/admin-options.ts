import {
  type AdminEndpoint,
  type AdminOptions,
  endpointOf,
  type ProcessPhase,
  type ReloadAnswer,
  status,
} from "@weftmesh/admin";
import { type Activity, ClockParam } from "@weftmesh/core";
import type { Addr, Delegator, Interpreter, Path } from "@weftmesh/naming";
import type { AdminHandler } from "@weftmesh/telemetry";
import type { LiveProxy, ProcessParts, RunnableProxy } from "./built-proxy.ts";
import { firstValue } from "./first-value.ts";
import { version } from "./version.ts";

/** What the admin server can do to a process. */
export interface ProcessControl {
  shutdown(graceMs: number | undefined): void;
  phase(): ProcessPhase;
  reload?(): Promise<ReloadAnswer>;
  readonly parts?: ProcessParts;
}

/** What the admin server shows of a proxy, whichever runs at the time. */
export function adminOptions(live: LiveProxy, control: ProcessControl): AdminOptions {
  const { config, logs, shownMetrics, params, listeners, adminTls } = live.current;
  const { admin } = config;
  const logger = logs.logger("admin");
  const { reload, parts } = control;
  const freshen = parts?.freshen;
  return {
    ip: admin.ip,
    port: admin.port,
    clock: params.get(ClockParam),
    listeners,
    info: { name: "weftmesh", version, build: version },
    metrics: shownMetrics,
    ...(freshen === undefined ? {} : { before: freshen }),
    log: (message) => logger.error(message),
    security: admin.security,
    allowedHosts: admin.security.allowedHosts,
    profiles: () => live.current.profiles,
    ...(adminTls === undefined ? {} : { tls: adminTls }),
    handlers: [...live.current.linked.telemeters.flatMap((each) => each.adminHandlers ?? []), ...namerPages(live)],
    shutdown: (graceMs) => control.shutdown(graceMs),
    phase: () => control.phase(),
    ...(reload === undefined ? {} : { reload: () => reload() }),
    config: () => live.current.configJson,
    stacks: () =>
      Object.fromEntries(
        live.current.linked.routers.map(({ router }) => [
          router.label,
          { protocol: router.protocol, stacks: router.stacks },
        ]),
      ),
    logLevels: {
      list: () => logs.list(),
      set: (name, level) => {
        parts?.logLevel?.(name, level);
        return logs.set(name, level);
      },
    },
    delegator: (namespace) => delegatorOf(live.current, namespace),
    boundNames: () => boundNames(live.current),
    clients: () => parts?.clients?.() ?? clientsOf(live.current),
  };
}

/** The pages of the namers there are now. A page whose namer is gone says so. */
export function namerPages(live: LiveProxy): readonly AdminEndpoint[] {
  const pages = (): readonly AdminHandler[] => live.current.linked.namers.flatMap((namer) => namer.adminHandlers ?? []);
  return pages().map(({ path }) => ({
    path,
    handle: (req) => {
      const page = pages().find((each) => each.path === path);
      return page === undefined ? status(404, "the namer of this page is gone") : endpointOf(page).handle(req);
    },
  }));
}

function canDelegate(interpreter: Interpreter): interpreter is Interpreter & Delegator {
  return "delegate" in interpreter;
}

/** The explanation comes from the interpreter that binds for the router, so that it cannot differ. */
function delegatorOf({ linked }: RunnableProxy, namespace: string | undefined): Delegator | undefined {
  if (namespace === undefined) return linked.withoutNamers;
  const found = linked.routers.find(({ router }) => router.label === namespace);
  return found !== undefined && canDelegate(found.interpreter) ? found.interpreter : undefined;
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
