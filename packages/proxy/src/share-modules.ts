import { register } from "node:module";

/**
 * What plugins are to have of a program: the URL of a module that exports each package whole, under the package's own
 * name.
 */
export type SharedModules = string;

/**
 * Runs apart from the program, as Node wants it: an import of a shared name becomes a module that hands out what the
 * program has under that name. Every other import is left alone.
 */
const hook = `let library = "", names = {};
export function initialize(given) { ({ library, names } = given); }
export function resolve(specifier, context, next) {
  if (!Object.hasOwn(names, specifier)) return next(specifier, context);
  return { url: "weftmesh:" + specifier, format: "module", shortCircuit: true };
}
export function load(url, context, next) {
  const name = url.startsWith("weftmesh:") ? url.slice("weftmesh:".length) : undefined;
  if (name === undefined) return next(url, context);
  const text = (value) => JSON.stringify(value);
  const source = "import * as library from " + text(library) + ";" +
    "export const { " + names[name].join(", ") + " } = library[" + text(name) + "];";
  return { format: "module", source, shortCircuit: true };
}`;

let shared = false;

/**
 * Gives plugins that are imported from now on the program's own copies of modules.
 *
 * A bundled program holds `@weftmesh/core` within itself. A plugin beside it would find the copy in its own
 * `node_modules`, with other parameters and other keys than those that the stacks are built with.
 */
export async function shareModules(library: SharedModules): Promise<void> {
  if (shared) return;
  shared = true;
  const modules = (await import(library)) as Readonly<Record<string, object>>;
  const names = Object.fromEntries(Object.entries(modules).map(([name, module]) => [name, Object.keys(module)]));
  register(`data:text/javascript,${encodeURIComponent(hook)}`, { data: { library, names } });
}
