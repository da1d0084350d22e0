/** What a plugin may import of us, each with an entry of its own beside this file, in the sources as in the bundle. */
const names = [
  "admission",
  "balancer",
  "binding",
  "classify",
  "config",
  "core",
  "http",
  "metrics",
  "naming",
  "pool",
  "router",
  "telemetry",
  "timeout",
  "transport-http1",
];

/** For `runProxy`: plugins that are loaded by name get these very modules, and not copies of their own. */
export const sharedModules: ReadonlyMap<string, string> = new Map(
  names.map((name) => [`@weftmesh/${name}`, new URL(`./shared/${name}${extension()}`, import.meta.url).href]),
);

function extension(): string {
  return import.meta.url.endsWith(".ts") ? ".ts" : ".js";
}
