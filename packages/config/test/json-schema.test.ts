import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  configJsonSchema,
  definePlugin,
  type JsonSchema,
  jsonSchemaOf,
  pluginPosition,
  Registry,
  SecretType,
} from "../src/index.ts";
import { anyConfig } from "./arbitraries.ts";
import { sampleRegistry } from "./sample-registry.ts";

const schema = configJsonSchema(sampleRegistry);
const defs = schema["$defs"] as Record<string, JsonSchema>;

/** As much of JSON Schema as our schemas use. */
function accepts(rule: JsonSchema, value: unknown): boolean {
  const reference = rule["$ref"] as string | undefined;
  if (reference !== undefined) return accepts(defs[reference.replace("#/$defs/", "")] ?? {}, value);
  const any = rule["anyOf"] as JsonSchema[] | undefined;
  if (any !== undefined && !any.some((each) => accepts(each, value))) return false;
  if ("const" in rule && rule["const"] !== value) return false;
  const type = rule["type"];
  if (type === "string") return typeof value === "string";
  if (type === "boolean") return typeof value === "boolean";
  if (type === "integer" || type === "number") {
    if (typeof value !== "number" || (type === "integer" && !Number.isInteger(value))) return false;
    return value >= ((rule["minimum"] as number) ?? value) && value <= ((rule["maximum"] as number) ?? value);
  }
  if (type === "array")
    return Array.isArray(value) && value.every((item) => accepts(rule["items"] as JsonSchema, item));
  if (type !== "object") return true;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const properties = (rule["properties"] ?? {}) as Record<string, JsonSchema>;
  const required = (rule["required"] ?? []) as string[];
  if (required.some((key) => !Object.hasOwn(value, key))) return false;
  return Object.entries(value).every(([key, inner]) => {
    if (Object.hasOwn(properties, key)) return accepts(properties[key] as JsonSchema, inner);
    const rest = rule["additionalProperties"];
    return typeof rest === "object" && rest !== null && accepts(rest as JsonSchema, inner);
  });
}

/** Every object of keys in a JSON Schema. */
function keysOf(rule: unknown, name = "config"): (readonly [string, JsonSchema])[] {
  if (typeof rule !== "object" || rule === null) return [];
  const found: (readonly [string, JsonSchema])[] = [];
  for (const [key, inner] of Object.entries(rule)) {
    if (key === "properties")
      for (const [each, own] of Object.entries(inner as object)) found.push([`${name}.${each}`, own as JsonSchema]);
    if (key !== "default" && key !== "examples") found.push(...keysOf(inner, `${name}/${key}`));
  }
  return found;
}

describe("the JSON Schema of a config", () => {
  it("is draft 2020-12 and has defaults, descriptions and examples", () => {
    expect(schema["$schema"]).toBe("https://json-schema.org/draft/2020-12/schema");
    const admin = (schema["properties"] as Record<string, JsonSchema>)["admin"]?.["properties"] as Record<
      string,
      JsonSchema
    >;
    expect(admin["port"]).toEqual({
      type: "integer",
      minimum: 0,
      maximum: 65_535,
      default: 9990,
      examples: [4140],
      description: "Port of the admin server",
    });
    expect(admin["ip"]).toMatchObject({ type: "string", default: "127.0.0.1", examples: ["127.0.0.1"] });
    const http = defs["protocol-http"]?.["properties"] as Record<string, JsonSchema>;
    expect(http["protocol"]).toMatchObject({ const: "http" });
    expect(http["dstPrefix"]).toMatchObject({ type: "string", default: "/svc" });
    expect(http["interpreter"]).toMatchObject({ default: { kind: "default" } });
    expect(JSON.stringify(schema)).not.toMatch(/"(?:expects|secret|text)":/);
  });

  it("has a description for every key of this package", () => {
    const own = keysOf({
      ...schema,
      $defs: Object.fromEntries(
        Object.entries(defs).filter(
          ([name]) => !/^(identifier|telemeter|module)-/.test(name) && name !== "namer-com.example.vault",
        ),
      ),
    });
    expect(own.length).toBeGreaterThan(200);
    expect(own.filter(([, rule]) => rule["description"] === undefined).map(([name]) => name)).toEqual([]);
  });

  it("takes every config that is right, and none with an unknown key", () => {
    fc.assert(
      fc.property(anyConfig, fc.constantFrom("routers", "admin", "top"), (config, where) => {
        expect(accepts(schema, config)).toBe(true);
        const wrong = structuredClone(config) as Record<string, any>;
        if (where === "routers") wrong["routers"][0].clinet = {};
        else if (where === "admin") wrong["admin"].prt = 1;
        else wrong["router"] = [];
        expect(accepts(schema, wrong)).toBe(false);
      }),
    );
  });

  it("names each plugin once, also one that stands inside itself", () => {
    const never = (): never => {
      throw new Error("never made");
    };
    const nested = definePlugin({
      type: "telemeter",
      kind: "nested",
      schema: (plugins) => z.strictObject({ inner: pluginPosition(plugins, "telemeter").optional(), key: SecretType }),
      make: never,
    });
    const json = jsonSchemaOf(pluginPosition(Registry.of([nested]), "telemeter"));
    expect(Object.keys(json["$defs"] as object)).toEqual(["telemeter-nested"]);
    const properties = (json["$defs"] as Record<string, JsonSchema>)["telemeter-nested"]?.["properties"];
    expect(properties).toMatchObject({
      inner: { anyOf: [{ $ref: "#/$defs/telemeter-nested" }] },
      key: { type: "string", writeOnly: true },
    });
  });
});
