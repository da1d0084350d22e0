import { type Role, role } from "@weftmesh/core";
import * as z from "zod";
import { isObject } from "../kind-schema.ts";
import type { PluginSource } from "../plugin.ts";
import { type Chosen, pluginPosition } from "../plugin-position.ts";
import { type Alternative, type Choice, type Refusal, switchSchema } from "../schema-switch.ts";
import { TextType } from "../types.ts";

/** One change to a stack, at a role. */
export type StackEdit =
  | { readonly edit: "before" | "after" | "replace"; readonly role: Role; readonly module: Chosen<"module"> }
  | { readonly edit: "remove"; readonly role: Role }
  | { readonly edit: "set"; readonly role: Role; readonly params: Readonly<Record<string, ParamValue>> };

export type ParamValue = string | number | boolean;

/** The changes to the four stacks of a router, in their order. */
export interface StackEdits {
  readonly server?: readonly StackEdit[] | undefined;
  readonly path?: readonly StackEdit[] | undefined;
  readonly bound?: readonly StackEdit[] | undefined;
  readonly client?: readonly StackEdit[] | undefined;
}

const roleName = () => TextType.meta({ expects: "the name of a role", examples: ["requestTimeout"] });
const edits: readonly StackEdit["edit"][] = ["before", "after", "replace", "remove", "set"];
const expects = `an object with one of the keys ${edits.join(", ")}`;

/** The key `stack:` of a router. Whether a stack has the role is checked when it is built. */
export function stackEditsSchema(plugins: PluginSource): z.ZodType<StackEdits> {
  const forms = formsOf(plugins);
  const edit = switchSchema<StackEdit>({
    expects,
    choose: (raw): Choice | Refusal => {
      if (!isObject(raw)) return { rule: "wrongType", path: [], expected: expects };
      const [which, other] = edits.filter((each) => Object.hasOwn(raw, each));
      if (which === undefined)
        return { rule: "missingKey", path: [], message: `expected ${expects}`, expected: expects };
      if (other !== undefined) {
        return { rule: "invalidValue", path: [other], message: `an edit has one of the keys ${which} and ${other}` };
      }
      return { schemas: [forms[which]] };
    },
    alternatives: (): Alternative[] => edits.map((each) => ({ name: `stack edit ${each}`, schemas: [forms[each]] })),
    build: (raw, [output]) => built(edits.find((each) => Object.hasOwn(raw as object, each)) ?? "set", output as Form),
  });
  const list = (what: string) =>
    z
      .array(edit)
      .optional()
      .meta({ description: `Changes to the ${what} stack, in their order`, expects: "a list of edits" });
  return z.strictObject({ server: list("server"), path: list("path"), bound: list("bound"), client: list("client") });
}

function formsOf(plugins: PluginSource): Readonly<Record<StackEdit["edit"], z.ZodType>> {
  const module = pluginPosition(plugins, "module").describe("The module to put there");
  const params = z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .meta({ description: "Values by the names of the role's parameters", expects: "an object with parameters" });
  return {
    before: z.strictObject({ before: roleName().describe("Role above which the module goes"), insert: module }),
    after: z.strictObject({ after: roleName().describe("Role below which the module goes"), insert: module }),
    replace: z.strictObject({ replace: roleName().describe("Role whose module is replaced"), with: module }),
    remove: z.strictObject({ remove: roleName().describe("Role whose module is taken out") }),
    set: z.strictObject({ set: roleName().describe("Role whose parameters are set"), params }),
  };
}

type Form = Readonly<Record<string, unknown>>;

function built(edit: StackEdit["edit"], form: Form): StackEdit {
  const at = role(form[edit] as string);
  if (edit === "remove") return { edit, role: at };
  if (edit === "set") return { edit, role: at, params: form["params"] as Readonly<Record<string, ParamValue>> };
  return { edit, role: at, module: (form["insert"] ?? form["with"]) as Chosen<"module"> };
}
