import { z } from "zod";
import {
  type AnyPlugin,
  Count,
  definePlugin,
  Flag,
  httpClientKeys,
  Kilobytes,
  oneOrMany,
  PathMatcherType,
  PathType,
  pluginPosition,
  Registry,
  routerSchema,
  SecretType,
  TextType,
} from "../src/index.ts";

const nothing = (): never => {
  throw new Error("a sample plugin is never made");
};

const sampleHttp: AnyPlugin = {
  type: "protocol" as never,
  kind: "http",
  schema: (plugins) =>
    routerSchema(plugins, {
      defaultPort: 4140,
      router: {
        identifier: oneOrMany(pluginPosition(plugins, "identifier")).optional().describe("Who names requests"),
        streamAfterContentLengthKB: Kilobytes.default(5).describe("Longer messages are streamed"),
        maxHeadersKB: Kilobytes.default(8).describe("Most bytes of all headers"),
        streamingEnabled: Flag.default(true).describe("false buffers all"),
      },
      server: {
        maxCallDepth: Count.default(1000).describe("Most entries of Via"),
        timestampHeader: TextType.optional().describe("Header that gets the time of receipt"),
      },
      client: httpClientKeys(plugins),
      service: {},
    }),
  make: nothing,
};

const strange: AnyPlugin = {
  type: "protocol" as never,
  kind: "strange",
  experimental: true,
  schema: (plugins) => routerSchema(plugins, { defaultPort: 4999, router: {}, server: {}, client: {}, service: {} }),
  make: nothing,
};

/** Plugins of every type, with keys of every sort. */
export const samplePlugins: readonly AnyPlugin[] = [
  sampleHttp,
  strange,
  definePlugin({
    type: "namer",
    kind: "io.l5d.fs",
    schema: z.strictObject({
      rootDir: TextType.describe("Where the files are"),
      prefix: PathType.optional().describe("Names under /# that are this one's"),
    }),
    make: nothing,
  }),
  definePlugin({
    type: "namer",
    kind: "io.l5d.rewrite",
    schema: z.strictObject({
      prefix: PathType.describe("Names under /# that are this one's"),
      pattern: PathMatcherType.describe("What is rewritten"),
      name: TextType.describe("What it becomes"),
    }),
    make: nothing,
  }),
  definePlugin({
    type: "namer",
    kind: "com.example.vault",
    experimental: true,
    schema: z.object({
      token: SecretType.describe("Lets us in"),
      hosts: z
        .record(z.string(), z.strictObject({ port: z.int().min(1).max(65535) }))
        .default({})
        .describe("Hosts by name"),
    }),
    make: nothing,
  }),
  definePlugin({
    type: "identifier",
    kind: "io.l5d.header.token",
    schema: z.strictObject({ header: z.string().min(1).default("Host").describe("Header with the name") }),
    make: nothing,
  }),
  definePlugin({
    type: "identifier",
    kind: "io.l5d.path",
    schema: z.strictObject({ segments: z.int().min(1).default(1), consume: z.boolean().default(false) }),
    make: nothing,
  }),
  definePlugin({ type: "interpreter", kind: "default", schema: z.strictObject({}), make: nothing }),
  definePlugin({ type: "classifier", kind: "io.l5d.http.nonRetryable5XX", schema: z.strictObject({}), make: nothing }),
  definePlugin({
    type: "telemeter",
    kind: "io.l5d.prometheus",
    schema: z.strictObject({ path: z.string().default("/admin/metrics/prometheus"), prefix: z.string().default("") }),
    make: nothing,
  }),
  definePlugin({
    type: "module",
    kind: "com.example.audit",
    schema: z.strictObject({ scope: z.string().default("audit"), level: z.enum(["low", "high"]).default("low") }),
    make: nothing,
  }),
];

export const sampleRegistry: Registry = Registry.of(samplePlugins);
