import { type Captures, fillTemplate, type Path } from "@weftmesh/naming";
import type { ClientConfig } from "./schema/client.ts";
import type { StaticConfigs } from "./schema/static-configs.ts";

/**
 * The keys for one name, of all the entries whose prefix matches it.
 *
 * In the order of the list: a later entry overrides an earlier one key by key, and what stands inside a key is
 * replaced as a whole. `substitute` puts what the prefix of an entry captured into the keys of that entry.
 */
export function staticConfigsFor<T extends object>(
  configs: StaticConfigs<T> | undefined,
  path: Path,
  substitute: (config: T, captures: Captures) => T = (config) => config,
): Partial<T> {
  let merged: Partial<T> = {};
  for (const { prefix, config } of configs?.configs ?? []) {
    const captures = prefix === undefined ? noCaptures : prefix.extract(path);
    if (captures === undefined) continue;
    merged = { ...merged, ...given(substitute(config, captures)) };
  }
  return merged;
}

/** The keys of the client for a bound id. What was captured goes into `tls.commonName`, and nowhere else. */
export function clientConfigFor<T extends ClientConfig>(configs: StaticConfigs<T> | undefined, id: Path): Partial<T> {
  return staticConfigsFor(configs, id, withCommonName);
}

const noCaptures: Captures = {};

function given<T extends object>(config: T): Partial<T> {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function withCommonName<T extends ClientConfig>(config: T, captures: Captures): T {
  const commonName = config.tls?.commonName;
  if (config.tls === undefined || commonName === undefined) return config;
  return { ...config, tls: { ...config.tls, commonName: fillTemplate(commonName, captures) } };
}
