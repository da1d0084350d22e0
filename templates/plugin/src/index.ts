import type { AnyPlugin } from "@weftmesh/config";
import { hostsPlugin } from "./hosts-namer.ts";
import { slowCallsPlugin } from "./slow-calls.ts";

export { HostsConfig, hostsNamer, hostsPlugin } from "./hosts-namer.ts";
export { SlowCallsConfig, SlowCallsRole, slowCalls, slowCallsPlugin } from "./slow-calls.ts";

/** What a proxy reads when a config names this package under `plugins:`. */
export const plugins: readonly AnyPlugin[] = [slowCallsPlugin, hostsPlugin];
