import { WeftError } from "./errors.ts";
import { type AnyFilter, filtered } from "./filter.ts";
import { type ParamSpec, Params, type ParamValues } from "./params.ts";
import type { Service } from "./service.ts";

/** The name of a place in a stack. */
export type Role = string & { readonly __role: true };

export function role(name: string): Role {
  return name as Role;
}

/** One layer of a stack. `make` is given the rest of the stack and may build it once, never, or once per endpoint. */
export interface Module<T> {
  readonly role: Role;
  readonly description: string;
  readonly params: ParamSpec;
  /** Values that count for this module whatever the stack is built with: see `withParams`. */
  readonly fixed?: Params;
  make(params: Params, next: Stack<T>): T;
}

/** A stack was edited at a role that it does not have. */
export class StackRoleError extends WeftError {
  readonly role: string;
  readonly roles: readonly string[];

  constructor(missing: Role, roles: readonly Role[]) {
    super(
      "WEFT_STACK_ROLE",
      `the stack has no role ${missing}; it has ${roles.length === 0 ? "none" : roles.join(", ")}`,
    );
    this.role = missing;
    this.roles = roles;
  }
}

/** A module over the value that the rest of the stack makes. */
export function defineModule<T, const P extends ParamSpec>(spec: {
  role: Role;
  description: string;
  params: P;
  make(values: ParamValues<P>, next: T): T;
}): Module<T> {
  return {
    role: spec.role,
    description: spec.description,
    params: spec.params,
    make: (params, next) => spec.make(params.pick(spec.params), next.make(params)),
  };
}

/** A module that is one filter, for every protocol; `undefined` leaves the module out of what is built. */
export function filterModule<const P extends ParamSpec>(spec: {
  role: Role;
  description: string;
  params: P;
  filter(values: ParamValues<P>): AnyFilter | undefined;
}): <Req, Rep>() => Module<Service<Req, Rep>> {
  return <Req, Rep>() =>
    defineModule<Service<Req, Rep>, P>({
      role: spec.role,
      description: spec.description,
      params: spec.params,
      make: (values, next) => {
        const filter = spec.filter(values);
        return filter === undefined ? next : filtered(filter, next);
      },
    });
}

/**
 * An immutable list of modules, in the order in which a request meets them, over a leaf.
 *
 * Errors: an edit at a role that is not there throws `StackRoleError` (`WEFT_STACK_ROLE`), which lists those that are.
 * An edit applies to every module of the role.
 */
export class Stack<T> {
  readonly modules: readonly Module<T>[];
  readonly leaf: (params: Params) => T;

  constructor(modules: readonly Module<T>[], leaf: (params: Params) => T) {
    this.modules = modules;
    this.leaf = leaf;
  }

  /** Builds the whole: the innermost first. Each call builds anew. */
  make(params: Params): T {
    const [first, ...rest] = this.modules;
    return first === undefined ? this.leaf(params) : first.make(params, new Stack(rest, this.leaf));
  }

  get roles(): readonly Role[] {
    return this.modules.map((module) => module.role);
  }

  has(at: Role): boolean {
    return this.modules.some((module) => module.role === at);
  }

  prepend(module: Module<T>): Stack<T> {
    return new Stack([module, ...this.modules], this.leaf);
  }

  before(at: Role, module: Module<T>): Stack<T> {
    return this.#edit(at, (found) => [module, found]);
  }

  after(at: Role, module: Module<T>): Stack<T> {
    return this.#edit(at, (found) => [found, module]);
  }

  replace(at: Role, module: Module<T>): Stack<T> {
    return this.#edit(at, () => [module]);
  }

  remove(at: Role): Stack<T> {
    return this.#edit(at, () => []);
  }

  /** Every module through a function, for what applies wherever a role stands, such as setting parameters. */
  map(change: (module: Module<T>) => Module<T>): Stack<T> {
    return new Stack(this.modules.map(change), this.leaf);
  }

  /** These modules above those of `below`, whose leaf it keeps. */
  concat(below: Stack<T>): Stack<T> {
    return new Stack([...this.modules, ...below.modules], below.leaf);
  }

  #edit(at: Role, change: (found: Module<T>) => readonly Module<T>[]): Stack<T> {
    if (!this.has(at)) throw new StackRoleError(at, this.roles);
    const modules = this.modules.flatMap((module) => (module.role === at ? change(module) : [module]));
    return new Stack(modules, this.leaf);
  }
}

/** What a module with fixed parameters is made of, so that fixing more of them goes by the last word. */
const unfixed = new WeakMap<object, unknown>();

/**
 * A module with some parameters fixed, whatever the stack is built with. Only this module sees them: what stands below
 * is built with the values that the stack had, and with whatever the module itself adds. Of several fixes of one
 * parameter the last counts.
 */
export function withParams<T>(module: Module<T>, fixed: Params): Module<T> {
  const base = (unfixed.get(module) as Module<T> | undefined) ?? module;
  const all = (module.fixed ?? Params.empty).merge(fixed);
  const made: Module<T> = {
    role: module.role,
    description: module.description,
    params: module.params,
    fixed: all,
    make: (outer, next) =>
      base.make(outer.merge(all), new Stack<T>([], (inner) => next.make(restore(inner, all, outer)))),
  };
  unfixed.set(made, base);
  return made;
}

function restore(inner: Params, fixed: Params, outer: Params): Params {
  let params = inner;
  for (const [key, value] of fixed) {
    if (inner.get(key) !== value) continue;
    params = outer.has(key) ? params.with(key, outer.get(key)) : params.without(key);
  }
  return params;
}
