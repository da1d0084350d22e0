import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { ConfigError, type LinkerConfig, listSettings, readConfig, toJson } from "../src/index.ts";
import { showPath } from "../src/source.ts";
import { anyConfig, anyText } from "./arbitraries.ts";
import { printYaml } from "./print-yaml.ts";
import { sampleRegistry } from "./sample-registry.ts";

function read(text: string): LinkerConfig {
  return readConfig(text, "c.yaml", sampleRegistry).config;
}

/** Every object of a JSON value, by its path. */
function objectsIn(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (Array.isArray(value)) return value.flatMap((item, index) => objectsIn(item, [...path, index]));
  if (typeof value !== "object" || value === null) return [];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => objectsIn(inner, [...path, key]))];
}

describe("readConfig, for all configs", () => {
  it("reads the same from YAML and from JSON", () => {
    fc.assert(
      fc.property(anyConfig, (config) => {
        const fromJson = read(JSON.stringify(config));
        expect(read(stringify(config))).toEqual(fromJson);
        expect(read(printYaml(config).text)).toEqual(fromJson);
      }),
    );
  });

  it("reads again what it printed: parse(print(c)) = c", () => {
    fc.assert(
      fc.property(anyConfig, (config) => {
        const first = readConfig(stringify(config), "c.yaml", sampleRegistry);
        const printed = toJson(first, { revealSecrets: true });
        expect(read(JSON.stringify(printed))).toEqual(first.config);
        expect(printed).toEqual(config);
      }),
    );
  });

  it("names an unknown key by its line and path, wherever it stands", () => {
    fc.assert(
      fc.property(anyConfig, fc.nat(), (config, pick) => {
        const places = objectsIn(config).filter((path) => path.at(-1) !== "params" && path.length > 0);
        const path = [...(places[pick % places.length] ?? []), "unknownKey"];
        const { text, lines } = printYaml(withKey(config, path));
        const issues = issuesOf(text);
        const found = issues.find(({ keyPath }) => keyPath === showPath(path));
        expect(found).toMatchObject({ rule: "unknownKey", line: lines.get(showPath(path)) });
        expect(found?.message).toMatch(/^unknown key; (?:known keys: |there are none here)/);
      }),
    );
  });

  it("never shows a secret, in listings, in /config.json or in errors", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[g-z]{12}$/), fc.constantFrom("token", "tokn", "tokenx"), (secret, key) => {
        const text = `routers:\n- protocol: http\n  servers: [{}]\nnamers:\n- kind: com.example.vault\n  experimental: true\n  ${key}: ${secret}\n`;
        let shown: string;
        try {
          const config = readConfig(text, "c.yaml", sampleRegistry);
          expect(config.config.namers[0]?.config).toMatchObject({ token: secret });
          shown = JSON.stringify([toJson(config), listSettings(config)]);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          shown = JSON.stringify(error) + error.pretty() + error.message;
        }
        expect(shown).not.toContain(secret);
      }),
    );
  });

  it("throws nothing but ConfigError, whose positions lie within the text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/);
        for (const { line, column, message } of issuesOf(text)) {
          expect(line).toBeLessThanOrEqual(lines.length);
          expect(column).toBeLessThanOrEqual((lines[line - 1] ?? "").length + 2);
          expect(message).not.toBe("");
        }
      }),
      { numRuns: 500 },
    );
  });

  it("gives every setting an origin, and every given one its line", () => {
    fc.assert(
      fc.property(anyConfig, (config) => {
        const { text, lines } = printYaml(config);
        for (const { keyPath, origin, value } of listSettings(readConfig(text, "c.yaml", sampleRegistry))) {
          expect(value).toBeDefined();
          const line = lines.get(keyPath);
          if (line !== undefined) expect(origin.split(":")[1]).toBe(String(line));
          else if (!keyPath.endsWith("]")) expect(origin).toBe("default");
        }
      }),
      { numRuns: 30 },
    );
  });
});

function withKey(value: unknown, path: readonly (string | number)[]): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return 1;
  if (Array.isArray(value)) return value.map((item, index) => (index === step ? withKey(item, rest) : item));
  const object = value as Record<string, unknown>;
  return { ...object, [step]: withKey(object[step] ?? {}, rest) };
}

function issuesOf(text: string): ConfigError["issues"] {
  try {
    read(text);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.issues;
    throw error;
  }
}
