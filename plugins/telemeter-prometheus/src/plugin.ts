import { definePlugin, type Plugin } from "@weftmesh/config";
import { type Param, param } from "@weftmesh/core";
import type { Registry } from "prom-client";
import * as z from "zod";
import { PrometheusTelemeter } from "./prometheus-telemeter.ts";

interface Config {
  readonly path: string;
  readonly prefix: string;
}

const schema: z.ZodType<Config> = z.strictObject({
  path: z
    .string()
    .startsWith("/")
    .default("/admin/metrics/prometheus")
    .describe("Path of the page on the admin server"),
  prefix: z.string().default("").describe("Put before the name of every metric"),
});

/** The prom-client registry of a program that embeds the proxy. */
export const PromRegistryParam: Param<Registry | undefined> = param<Registry | undefined>(
  "promRegistry",
  undefined,
  (registry) => registry !== undefined,
);

export const prometheusTelemeter: Plugin<"telemeter", Config> = definePlugin({
  type: "telemeter",
  kind: "io.l5d.prometheus",
  schema,
  make: ({ path, prefix }, params) => {
    const registry = params.get(PromRegistryParam);
    return new PrometheusTelemeter(registry === undefined ? { path, prefix } : { path, prefix, registry });
  },
});
