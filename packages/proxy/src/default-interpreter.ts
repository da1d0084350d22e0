import { definePlugin, NoKeys, type Plugin } from "@weftmesh/config";
import { type Param, param } from "@weftmesh/core";
import type { Interpreter } from "@weftmesh/naming";

/** The interpreter over the namers of the config and the built-in ones; the linker sets it. */
export const DefaultInterpreterParam: Param<Interpreter | undefined> = param<Interpreter | undefined>(
  "defaultInterpreter",
  undefined,
  () => "default",
);

/** `kind: default`, which is also what a router without an interpreter has. */
export const defaultInterpreter: Plugin<"interpreter", object> = definePlugin({
  type: "interpreter",
  kind: "default",
  schema: NoKeys,
  make: (_config, params) => {
    const interpreter = params.get(DefaultInterpreterParam);
    if (interpreter === undefined) throw new TypeError("the linker has set no interpreter");
    return interpreter;
  },
});
