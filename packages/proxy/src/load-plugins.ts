import { createRequire } from "node:module";
import { isAbsolute, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { AnyPlugin } from "@weftmesh/config";
import { asError, WeftError } from "@weftmesh/core";
import { type SharedModules, shareModules } from "./share-modules.ts";

/** A package that a config names has no plugins, or fails to load. */
export class PluginLoadError extends WeftError {
  readonly specifier: string;

  constructor(specifier: string, problem: string, cause?: unknown) {
    super("WEFT_PLUGIN_LOAD", `plugin ${specifier}: ${problem}`, { cause });
    this.specifier = specifier;
  }
}

/**
 * The plugins of the packages that a config or a command line names, in their order.
 *
 * A name is that of a package, found from the working directory as a program there would find it, or the path of a
 * module. Its export `plugins` is a list. What the program shares it gets from the program: see `shareModules`.
 * Errors: `WEFT_PLUGIN_LOAD`, naming the package.
 */
export async function loadPlugins(
  names: readonly string[],
  fromDir: string,
  shared?: SharedModules,
): Promise<readonly AnyPlugin[]> {
  if (names.length > 0 && shared !== undefined) await shareModules(shared);
  const loaded: AnyPlugin[] = [];
  for (const name of names) loaded.push(...(await loadOne(name, fromDir)));
  return loaded;
}

async function loadOne(name: string, fromDir: string): Promise<readonly AnyPlugin[]> {
  let module: { readonly plugins?: unknown };
  try {
    module = await import(locate(name, fromDir));
  } catch (thrown) {
    throw new PluginLoadError(name, `cannot be loaded: ${asError(thrown).message}`, thrown);
  }
  const { plugins } = module;
  if (!Array.isArray(plugins)) throw new PluginLoadError(name, "exports no list named plugins");
  for (const each of plugins) if (!isPlugin(each)) throw new PluginLoadError(name, "its plugins hold something else");
  return plugins;
}

function locate(name: string, fromDir: string): string {
  if (name.startsWith(".") || isAbsolute(name))
    return pathToFileURL(isAbsolute(name) ? name : join(fromDir, name)).href;
  return pathToFileURL(createRequire(join(fromDir, "package.json")).resolve(name)).href;
}

function isPlugin(each: unknown): each is AnyPlugin {
  const { type, kind, schema, make } = (each ?? {}) as Partial<AnyPlugin>;
  return typeof type === "string" && typeof kind === "string" && schema !== undefined && typeof make === "function";
}
