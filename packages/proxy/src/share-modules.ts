import { register } from "node:module";

/** Where the modules of a program are that its plugins are to have as well: URLs by the names that plugins import. */
export type SharedModules = ReadonlyMap<string, string>;

/**
 * Runs apart from the program, as Node wants it: gives an import of a shared name the program's own module, and leaves
 * every other import alone, that of the shared module itself among them.
 */
const hook = `let urls = {};
export function initialize(given) { urls = given; }
export function resolve(specifier, context, next) {
  const url = Object.hasOwn(urls, specifier) ? urls[specifier] : undefined;
  const fromItself = url !== undefined && (context.parentURL ?? "").startsWith(url);
  return next(url === undefined || fromItself ? specifier : url, context);
}`;

let shared = false;

/**
 * Gives plugins that are imported from now on the program's own copies of modules.
 *
 * A bundled program holds `@weftmesh/core` within itself. A plugin beside it would find the copy in its own
 * `node_modules`, with other parameters and other keys than those that the stacks are built with.
 */
export function shareModules(modules: SharedModules): void {
  if (shared || modules.size === 0) return;
  shared = true;
  register(`data:text/javascript,${encodeURIComponent(hook)}`, { data: Object.fromEntries(modules) });
}
