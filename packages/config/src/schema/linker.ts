import * as z from "zod";
import type { PluginSource } from "../plugin.ts";
import { type Chosen, pluginPosition } from "../plugin-position.ts";
import { Flag, TextType } from "../types.ts";
import { type AdminConfig, adminSchema } from "./admin.ts";
import { type OverloadConfig, overloadSchema } from "./overload.ts";
import type { RouterConfig } from "./router.ts";

/** Reports that Linkerd sent to its makers. The keys are read; nothing is ever sent. */
export interface UsageConfig {
  readonly orgId?: string | undefined;
  readonly enabled: boolean;
}

/** One router: its protocol plugin, its checked keys and its label. */
export interface ChosenRouter extends Chosen<"protocol"> {
  /** `kind` by the name that the config has for it. */
  readonly protocol: string;
  /** Unique; the protocol's name unless the config says otherwise. */
  readonly label: string;
  /** The keys that every protocol has; those of the protocol are there too. */
  readonly config: RouterConfig;
}

/** A whole config, checked. */
export interface LinkerConfig {
  readonly admin: AdminConfig;
  readonly routers: readonly ChosenRouter[];
  /** In the order of the text. Of several that match, the last is asked first. */
  readonly namers: readonly Chosen<"namer">[];
  readonly telemetry: readonly Chosen<"telemeter">[];
  readonly usage: UsageConfig;
  readonly overload: OverloadConfig;
  /** Packages whose plugins are added to those of the build. */
  readonly plugins: readonly string[];
}

const usageSchema = (): z.ZodType<UsageConfig> =>
  z.strictObject({
    orgId: TextType.optional().describe("Read for Linkerd's sake"),
    enabled: Flag.default(true).describe("Read for Linkerd's sake: nothing is ever sent"),
  });

export function pluginsSchema(): z.ZodType<readonly string[]> {
  return z
    .array(TextType.meta({ expects: "the name of a package, or a path" }))
    .meta({ expects: "a list of package names" });
}

const made = new WeakMap<PluginSource, z.ZodType<LinkerConfig>>();

/** The schema of a whole config, for the plugins of a build. Made once for each. */
export function linkerSchema(plugins: PluginSource): z.ZodType<LinkerConfig> {
  const known = made.get(plugins) ?? newLinkerSchema(plugins);
  made.set(plugins, known);
  return known;
}

function newLinkerSchema(plugins: PluginSource): z.ZodType<LinkerConfig> {
  const router = pluginPosition(plugins, "protocol", { discriminator: "protocol" }).transform(withLabel);
  return z.strictObject({
    admin: adminSchema().prefault({}).describe("The admin server"),
    routers: z.array(router).default([]).meta({ description: "At least one", expects: "a list of routers" }),
    namers: z.array(pluginPosition(plugins, "namer")).default([]).meta({
      description: "Who knows names under /#; the last that matches is asked first",
      expects: "a list of namers",
    }),
    telemetry: z
      .array(pluginPosition(plugins, "telemeter"))
      .default([])
      .meta({ description: "Where metrics and traces go", expects: "a list of telemeters" }),
    usage: usageSchema().prefault({}).describe("Linkerd's usage reports, which this build never sends"),
    overload: overloadSchema()
      .prefault({})
      .describe("What the whole process takes on before it refuses more (not in Linkerd)"),
    plugins: pluginsSchema().default([]).describe("Packages whose plugins are added to this build (not in Linkerd)"),
  });
}

function withLabel(chosen: Chosen<"protocol">): ChosenRouter {
  const config = chosen.config as RouterConfig;
  return { ...chosen, config, protocol: chosen.kind, label: config.label ?? chosen.kind };
}
