import { readFileSync } from "node:fs";
import { type AnyPlugin, ConfigError, listSettings, profileSettings } from "@weftmesh/config";
import { asError } from "@weftmesh/core";
import { type BuiltProxy, buildProxy, exposureWarnings } from "@weftmesh/proxy";
import { stackNames } from "@weftmesh/router";
import { colours } from "./colours.ts";
import { printable } from "./printable.ts";
import type { Streams } from "./program.ts";
import { table } from "./table.ts";

export interface CheckOptions {
  readonly config: string;
  readonly json?: boolean;
  readonly settings?: boolean;
  readonly plugin: readonly string[];
  readonly plugins: readonly AnyPlugin[];
  readonly streams: Streams;
}

/** `weft check`: builds everything that the config asks for, starts nothing, and says what it is. */
export async function check(options: CheckOptions): Promise<number> {
  const { streams, json } = options;
  let built: BuiltProxy;
  try {
    const text = readFileSync(options.config === "-" ? 0 : options.config, "utf8");
    built = await buildProxy({
      config: text,
      configName: options.config,
      plugins: options.plugins,
      pluginNames: options.plugin,
      log: () => {},
    });
  } catch (thrown) {
    const error = asError(thrown);
    if (json === true)
      streams.out(`${JSON.stringify(thrown instanceof ConfigError ? thrown : { message: error.message }, null, 2)}\n`);
    else streams.err(`${thrown instanceof ConfigError ? thrown.pretty() : error.message}\n`);
    return 1;
  }
  if (json === true) streams.out(`${JSON.stringify(report(built), null, 2)}\n`);
  else streams.out(show(built, options.settings === true));
  return 0;
}

/** The same facts for programs. */
function report(built: BuiltProxy): object {
  const { read, linked } = built;
  return {
    routers: linked.routers.map(({ router }) => ({
      label: router.label,
      protocol: router.protocol,
      servers: router.servers,
      stacks: router.stacks,
    })),
    namers: linked.namers.map((namer, i) => ({ kind: read.config.namers[i]?.kind, prefix: `/#${namer.prefix.show}` })),
    telemeters: read.config.telemetry.map(({ kind }) => kind),
    warnings: exposureWarnings(read.config),
    profiles: profileSettings(read),
    settings: listSettings(read),
  };
}

function show(built: BuiltProxy, withSettings: boolean): string {
  const { read, linked } = built;
  const parts: string[] = [`${colours.green("the configuration is good")}\n`];
  for (const warning of exposureWarnings(read.config))
    parts.push(`${colours.yellow("warning")}: ${printable(warning)}\n`);
  for (const { router } of linked.routers) {
    const where = router.servers.map(({ host, port }) => `${host}:${port}`).join(", ");
    parts.push(`\n${colours.bold(`router ${printable(router.label)}`)} (${router.protocol}) on ${where}\n`);
    for (const name of stackNames) {
      const rows = router.stacks[name].map((row) => [row.role, row.description, showParams(row.params)]);
      parts.push(`\n  ${name} stack\n${table(["role", "what it does", "parameters"], rows, 4)}`);
    }
  }
  if (linked.namers.length > 0) {
    const rows = linked.namers.map((namer, i) => [read.config.namers[i]?.kind ?? "", `/#${namer.prefix.show}`]);
    parts.push(
      `\n${colours.bold("namers")}, the last that matches is asked first\n${table(["kind", "prefix"], rows, 2)}`,
    );
  }
  for (const { keyPath, profile, settings } of profileSettings(read)) {
    if (settings.length === 0) continue;
    const rows = settings.map((each) => [each.keyPath, JSON.stringify(each.value), each.origin]);
    parts.push(
      `\n${colours.bold(`profile ${profile}`)} of ${keyPath === "" ? "the process" : keyPath}\n${table(["key", "value", "from"], rows, 2)}`,
    );
  }
  if (withSettings) {
    const rows = listSettings(read).map((each) => [each.keyPath, JSON.stringify(each.value), each.origin]);
    parts.push(`\n${colours.bold("settings")}\n${table(["key", "value", "from"], rows, 2)}`);
  } else parts.push("\nevery value with its origin: --settings\n");
  return parts.join("");
}

function showParams(
  params: Readonly<Record<string, { readonly value: unknown; readonly isDefault: boolean }>>,
): string {
  return Object.entries(params)
    .map(
      ([name, { value, isDefault }]) =>
        `${name}=${typeof value === "object" ? JSON.stringify(value) : String(value)}${isDefault ? " (default)" : ""}`,
    )
    .join(", ");
}
