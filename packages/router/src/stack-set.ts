import type { Module, Params, Role, Stack } from "@weftmesh/core";
import { Stack as CoreStack } from "@weftmesh/core";
import type { HttpService } from "./http-service.ts";

/** The four stacks of a router, in the order in which a request meets them. */
export interface StackSet {
  /** Once per server. Its leaf names the request. */
  readonly server: Stack<HttpService>;
  /** Once per logical name and the delegations of the request. */
  readonly path: Stack<HttpService>;
  /** Once per bound name and residual. */
  readonly bound: Stack<HttpService>;
  /** Once per bound name; what stands below the load balancer once per endpoint. */
  readonly client: Stack<HttpService>;
}

export type StackName = keyof StackSet;
export const stackNames: readonly StackName[] = ["server", "path", "bound", "client"];

/** The modules in order, over a service that is there already. */
export function makeOver(stack: Stack<HttpService>, below: HttpService, params: Params): HttpService {
  return new CoreStack(stack.modules, () => below).make(params);
}

/** One change of a stack, by role. */
export type StackEdit =
  | { readonly op: "before" | "after"; readonly role: Role; readonly module: Module<HttpService> }
  | { readonly op: "replace"; readonly role: Role; readonly module: Module<HttpService> }
  | { readonly op: "remove"; readonly role: Role };

/** Errors: `WEFT_STACK_ROLE` when the role is not there; the message lists those that are. */
export function editStack(stack: Stack<HttpService>, edits: readonly StackEdit[]): Stack<HttpService> {
  let edited = stack;
  for (const edit of edits) {
    if (edit.op === "remove") edited = edited.remove(edit.role);
    else edited = edited[edit.op](edit.role, edit.module);
  }
  return edited;
}

/** A line of a listing: a role, what it does, and the parameters that it reads. */
export interface StackRow {
  readonly role: string;
  readonly description: string;
  readonly params: Readonly<Record<string, { readonly value: unknown; readonly isDefault: boolean }>>;
}

/** What a config could say. A clock, say, is a parameter as well, but tells a reader nothing. */
function isPlain(value: unknown): boolean {
  return value !== undefined && typeof value !== "function" && !plumbing.has(value);
}

const plumbing: ReadonlySet<unknown> = new Set(["clock", "rng", "stats", "dest"]);

/** The stack as it would be built with these parameters. */
export function describeStack(stack: Stack<HttpService>, params: Params): readonly StackRow[] {
  return stack.modules.map((module) => {
    const shown: Record<string, { value: unknown; isDefault: boolean }> = {};
    const given = module.fixed === undefined ? params : params.merge(module.fixed);
    for (const key of Object.values(module.params)) {
      const value = key.show(given.get(key));
      if (isPlain(value)) shown[key.name] = { value, isDefault: Object.is(given.get(key), key.default) };
    }
    return { role: module.role, description: module.description, params: shown };
  });
}
