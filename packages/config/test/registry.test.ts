import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  type AnyPlugin,
  ConfigError,
  ConflictingSubtypesError,
  definePlugin,
  type Plugin,
  PluginDeclarationError,
  plannedKinds,
  pluginPosition,
  Registry,
  readConfig,
  readWith,
} from "../src/index.ts";
import { samplePlugins, sampleRegistry } from "./sample-registry.ts";

const never = (): never => {
  throw new Error("never made");
};

function plugin(kind: string, schema: Plugin<"telemeter", any>["schema"] = z.strictObject({})): AnyPlugin {
  return definePlugin({ type: "telemeter", kind, schema, make: never });
}

function lines(text: string, registry: Registry = sampleRegistry): string[] {
  try {
    readConfig(text, "r.yaml", registry);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
}

const router = "routers:\n- protocol: http\n  servers: [{}]\n";

describe("Registry", () => {
  it("refuses two plugins of the same type and kind, and takes one kind in two types", () => {
    expect(() => Registry.of([plugin("a"), plugin("a")])).toThrow(ConflictingSubtypesError);
    expect(() => Registry.of([plugin("a")]).with([plugin("a")])).toThrow("two telemeters have the kind a");
    const both = Registry.of([plugin("a"), { ...plugin("a"), type: "namer" }]);
    expect(both.kinds("namer")).toEqual(["a"]);
    expect(both.get("telemeter", "a")?.type).toBe("telemeter");
    expect(both.get("telemeter", "b")).toBeUndefined();
    expect(both.get("identifier", "a")).toBeUndefined();
  });

  it("refuses a plugin whose schema is no object, or has a key of the place", () => {
    for (const schema of [
      z.string(),
      z.array(z.string()),
      z.strictObject({ kind: z.string() }),
      z.object({ experimental: z.boolean() }),
    ]) {
      const bad = plugin("bad", schema);
      expect(() => Registry.of([bad]).schemaOf(bad)).toThrow(PluginDeclarationError);
    }
  });

  it("makes the schema of a plugin with plugins inside once", () => {
    let made = 0;
    const nested = plugin("nested", (plugins) => {
      made++;
      return z.strictObject({ inner: pluginPosition(plugins, "telemeter").optional() });
    });
    const registry = Registry.of([nested]);
    const position = pluginPosition(registry, "telemeter");
    expect(readWith(position, "kind: nested", "t").kind).toBe("nested");
    const deep = readWith(position, "kind: nested\ninner: {kind: nested, inner: {kind: nested}}\n", "t");
    expect(deep.config).toMatchObject({ inner: { kind: "nested", config: { inner: { kind: "nested" } } } });
    expect(made).toBe(1);
  });

  it("knows every type of plugin of Linkerd's samples", () => {
    expect(plannedKinds.get("namer")).toContain("io.l5d.consul");
    for (const [type, kinds] of plannedKinds) expect(new Set(kinds).size, type).toBe(kinds.length);
  });
});

describe("a place for a plugin", () => {
  it("gives the plugin and its checked keys", () => {
    const { config } = readConfig(`${router}namers:\n- {kind: io.l5d.fs, rootDir: disco}\n`, "r.yaml", sampleRegistry);
    expect(config.namers[0]).toEqual({
      kind: "io.l5d.fs",
      plugin: sampleRegistry.plugin("namer", "io.l5d.fs"),
      config: { rootDir: "disco" },
      experimental: false,
    });
  });

  it("says in one line that a kind of Linkerd is not in this build", () => {
    expect(lines(`${router}namers:\n- kind: io.l5d.consul\n  host: x\n  prot: y\n`)).toEqual([
      "r.yaml:5:9: namers[0].kind: io.l5d.consul is a Linkerd namer that this build does not have yet; namers here: io.l5d.fs, io.l5d.rewrite, com.example.vault",
    ]);
    expect(lines("routers:\n- protocol: h2\n  servers: [{}]\n")).toEqual([
      "r.yaml:2:13: routers[0].protocol: h2 is a Linkerd protocol that this build does not have yet; protocols here: http, strange",
    ]);
    expect(
      lines(
        `${router}telemetry:\n- kind: io.l5d.zipkin\n`,
        Registry.of(samplePlugins.filter((each) => each.type !== "telemeter")),
      ),
    ).toEqual([
      "r.yaml:5:9: telemetry[0].kind: io.l5d.zipkin is a Linkerd telemeter that this build does not have yet; telemeters here: none",
    ]);
  });

  it("lists the known kinds for one that nobody knows, and the nearest", () => {
    expect(lines(`${router}namers:\n- {kind: io.l5d.sf, rootDir: disco}\n`)).toEqual([
      'r.yaml:5:10: namers[0].kind: unknown namer "io.l5d.sf"; namers here: io.l5d.fs, io.l5d.rewrite, com.example.vault; did you mean io.l5d.fs?',
    ]);
    for (const kind of ["__proto__", "constructor", "toString", ""]) {
      expect(lines(`${router}namers:\n- kind: "${kind}"\n`)[0]).toMatch(/namers\[0\]\.kind: unknown namer/);
    }
  });

  it("says which key is missing, and which may be a typo of it", () => {
    expect(lines("routers:\n- protocl: http\n")).toEqual([
      "r.yaml:2:3: routers[0].protocol: missing; expected one of http, strange; is protocl a typo of it?",
    ]);
    expect(lines(`${router}telemetry:\n- {}\n`)).toEqual([
      "r.yaml:5:3: telemetry[0].kind: missing; expected io.l5d.prometheus",
    ]);
  });

  it("asks for consent to what is experimental, in Linkerd's words", () => {
    const namer = `${router}namers:\n- kind: com.example.vault\n  token: x\n`;
    expect(lines(namer)).toEqual([
      "r.yaml:5:9: namers[0].kind: The com.example.vault namer is experimental and must be explicitly enabled by setting the `experimental' parameter to `true'.",
    ]);
    expect(lines(`${namer}  experimental: true\n`)).toEqual([]);
    expect(lines(`${namer}  experimental: false\n`)).toHaveLength(1);
    expect(lines("routers:\n- protocol: strange\n  servers: [{}]\n")[0]).toContain(
      "The strange protocol is experimental",
    );
    expect(lines("routers:\n- protocol: strange\n  experimental: true\n  servers: [{}]\n")).toEqual([]);
    expect(lines("routers:\n- protocol: http\n  experimental: true\n  servers: [{}]\n")).toEqual([]);
  });

  it("refuses unknown keys also in a plugin whose author forgot to", () => {
    expect(lines(`${router}namers:\n- {kind: com.example.vault, experimental: true, token: x, tken: y}\n`)[0]).toMatch(
      /r\.yaml:5:\d+: namers\[0\]\.tken: unknown key; known keys: kind, experimental, transformers, token, hosts; did you mean token\?/,
    );
  });

  it("turns a schema that throws into a mistake at its place", () => {
    const thrower = plugin("thrower", z.strictObject({ a: z.string().transform(() => never()) }));
    const registry = Registry.of([...samplePlugins, thrower]);
    expect(lines(`${router}telemetry:\n- {kind: thrower, a: x}\n`, registry)).toEqual([
      "r.yaml:5:3: telemetry[0]: the schema could not check this: never made",
    ]);
  });

  it("infers the type of the config inside make", () => {
    definePlugin({
      type: "telemeter",
      kind: "typed",
      schema: z.strictObject({ port: z.int().default(1) }),
      make: (config) => {
        const port: number = config.port;
        // @ts-expect-error there is no such key
        config.prot;
        return { run: () => ({ close: async () => void port }) };
      },
    });
    definePlugin({
      type: "telemeter",
      kind: "typed",
      schema: (plugins) => z.strictObject({ inner: pluginPosition(plugins, "namer") }),
      make: (config) => {
        // @ts-expect-error a namer is no telemeter
        config.inner.plugin.type === "telemeter";
        return { run: () => ({ close: async () => undefined }) };
      },
    });
    // @ts-expect-error a namer does not make a telemeter
    definePlugin({ type: "namer", kind: "x", schema: z.strictObject({}), make: () => ({ run: () => undefined }) });
    expect(sampleRegistry.plugins.length).toBe(samplePlugins.length);
  });
});
