import { configJsonSchema, Registry } from "@weftmesh/config";
import { defaultInterpreter } from "@weftmesh/proxy";
import { standardPlugins } from "@weftmesh/standard";
import { describe, expect, it } from "vitest";

const looksSecret = /(?:password|passwd|passphrase|secret|token|credential|apikey|privatekey)s?$/i;

/** Every key of a JSON Schema that has such a name and is not marked as a secret, by its path. */
function bare(schema: unknown, path: string): readonly string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const found: string[] = [];
  for (const [key, each] of Object.entries(schema)) {
    if (key === "properties") {
      for (const [name, own] of Object.entries(each as Record<string, { writeOnly?: boolean }>)) {
        if (looksSecret.test(name) && own.writeOnly !== true) found.push(`${path}.${name}`);
      }
    }
    found.push(...bare(each, `${path}.${key}`));
  }
  return found;
}

describe("the config of this build", () => {
  it("D5: has no key that looks like a secret and is not marked as one", () => {
    const schema = configJsonSchema(Registry.of([...standardPlugins, defaultInterpreter]));
    expect(JSON.stringify(schema).length).toBeGreaterThan(10_000);
    expect(bare(schema, "")).toEqual([]);
  });

  it("would be found out when it had one", () => {
    const schema = { $defs: { a: { properties: { authToken: { type: "string" }, password: { writeOnly: true } } } } };
    expect(bare(schema, "")).toEqual([".$defs.a.authToken"]);
  });
});
