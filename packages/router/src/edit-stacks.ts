import type { StackEdit as ConfigEdit, StackEdits } from "@weftmesh/config";
import { type Param, Params, type Role, type Stack, StackRoleError, WeftError, withParams } from "@weftmesh/core";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";
import type { HttpService } from "./http-service.ts";
import { editStack, type StackName, type StackSet, stackNames } from "./stack-set.ts";

/** A config sets a parameter that a role does not have, or gives it a value of another type. */
export class StackParamError extends WeftError {
  readonly role: Role;
  readonly param: string;

  constructor(role: Role, param: string, problem: string) {
    super("WEFT_STACK_PARAM", `${role} ${problem}`);
    this.role = role;
    this.param = param;
  }
}

/** An edit that cannot be made: which stack and which of its edits, for whoever knows the lines. */
export class StackEditError extends WeftError {
  readonly routerLabel: string;
  readonly stackName: StackName;
  readonly index: number;
  /** The key within the edit that is at fault. */
  readonly key: string;

  constructor(routerLabel: string, stackName: StackName, index: number, key: string, cause: WeftError) {
    super(cause.code, `router ${routerLabel}, ${stackName} stack: ${cause.message}`, { cause });
    this.routerLabel = routerLabel;
    this.stackName = stackName;
    this.index = index;
    this.key = key;
  }
}

/** The stacks with the changes that a config asks for, in their order. Errors: StackEditError. */
export function applyEdits(stacks: StackSet, edits: StackEdits, params: Params, routerLabel: string): StackSet {
  const edited = { ...stacks };
  for (const name of stackNames) {
    for (const [index, edit] of (edits[name] ?? []).entries()) {
      try {
        edited[name] = applyEdit(edited[name], edit, params);
      } catch (error) {
        if (!(error instanceof StackRoleError || error instanceof StackParamError)) throw error;
        throw new StackEditError(
          routerLabel,
          name,
          index,
          error instanceof StackParamError ? "params" : edit.edit,
          error,
        );
      }
    }
  }
  return edited;
}

function applyEdit(stack: Stack<HttpService>, edit: ConfigEdit, params: Params): Stack<HttpService> {
  if (edit.edit === "remove") return editStack(stack, [{ op: "remove", role: edit.role }]);
  if (edit.edit === "set") return setParams(stack, edit.role, edit.params);
  const module = edit.module.plugin.make(edit.module.config, params).stackable<HttpRequest, HttpResponse>();
  return editStack(stack, [{ op: edit.edit, role: edit.role, module }]);
}

/** Fixes parameters of every module of a role, by the names that a listing of the stack shows. */
function setParams(
  stack: Stack<HttpService>,
  role: Role,
  given: Readonly<Record<string, string | number | boolean>>,
): Stack<HttpService> {
  if (!stack.has(role)) throw new StackRoleError(role, stack.roles);
  return stack.map((module) => {
    if (module.role !== role) return module;
    const known = new Map(Object.values(module.params).map((param) => [param.name, param as Param<unknown>]));
    let fixed = Params.empty;
    for (const [name, value] of Object.entries(given)) {
      const param = known.get(name);
      if (param === undefined) throw new StackParamError(role, name, unknownParam(name, settable(known)));
      if (typeof param.default !== typeof value && param.default !== undefined) {
        const expected = `takes a ${typeof param.default} for ${name}, and was given ${JSON.stringify(value)}`;
        throw new StackParamError(role, name, expected);
      }
      fixed = fixed.with(param, value);
    }
    return withParams(module, fixed);
  });
}

/** What a config can say; a clock, say, is a parameter as well, but not one that stands in a file. */
function settable(known: ReadonlyMap<string, Param<unknown>>): readonly string[] {
  return [...known.values()].filter((param) => typeof param.default !== "object").map((param) => param.name);
}

function unknownParam(name: string, names: readonly string[]): string {
  return `has no parameter ${name}; it has ${names.length === 0 ? "none" : names.join(", ")}`;
}
