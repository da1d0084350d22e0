import { describe, expect, it, vi } from "vitest";
import { ConfigError, type ConfigIssue, linkerSchema, readConfig } from "../src/index.ts";
import { showPath } from "../src/source.ts";
import { settle } from "../src/structure.ts";
import { type Mutation, printYaml } from "./print-yaml.ts";
import { type SampleKey, samplesOf } from "./sample-config.ts";
import { sampleRegistry } from "./sample-registry.ts";

// About 900 keys times five mistakes: seconds on a quiet machine, more on a busy one.
vi.setConfig({ testTimeout: 90_000 });

const schema = linkerSchema(sampleRegistry);
const samples = samplesOf(schema);

/** Rules that whole samples break on purpose: they hold every key, also those that this build refuses. */
const expected: ReadonlySet<string> = new Set(["unsupported", "conflictingPorts", "conflictingLabels", "experimental"]);

function issuesOf(text: string): readonly ConfigIssue[] {
  try {
    readConfig(text, "every.yaml", sampleRegistry);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.issues;
    throw error;
  }
}

/** Each key once, in the first sample that has it. */
const cases: { readonly value: unknown; readonly key: SampleKey }[] = [];
const seen = new Set<string>();
for (const { value, keys } of samples) {
  for (const key of keys) {
    if (seen.has(key.identity)) continue;
    seen.add(key.identity);
    cases.push({ value, key });
  }
}

/** The value with what has nothing to do with a path left out: scalars stay, for kinds are among them. */
function focused(value: unknown, path: readonly (string | number)[]): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (Array.isArray(value)) return value.map((item, index) => (index === step ? focused(item, rest) : item));
  const kept = Object.entries(value as Record<string, unknown>)
    .filter(([key, inner]) => key === step || typeof inner !== "object" || inner === null)
    .map(([key, inner]) => [key, key === step ? focused(inner, rest) : inner] as const);
  return Object.fromEntries(kept);
}

function mutated(whole: unknown, mutation: Mutation): { issues: readonly ConfigIssue[]; lines: Map<string, number> } {
  const { text, lines } = printYaml(focused(whole, mutation.path), mutation);
  return { issues: issuesOf(text), lines };
}

function structureAt(value: unknown, key: SampleKey): "object" | "list" | "value" | "opaque" {
  let inner: unknown = value;
  for (const step of key.path) inner = (inner as Record<string | number, unknown>)[step];
  return settle(key.schema, inner).structure.kind;
}

describe("I1: every key of the schema", () => {
  it("stands in a sample, and the samples are right but for what this build does not do", () => {
    for (const { value } of samples) {
      const wrong = issuesOf(printYaml(value).text).filter(
        ({ rule, message }) => !expected.has(rule) && !excused(message),
      );
      expect(wrong.map(({ keyPath, message }) => `${keyPath}: ${message}`)).toEqual([]);
    }
    console.log(`I1: ${cases.length} keys, ${samples.length} samples`);
    expect(cases.length).toBeGreaterThanOrEqual(200);
  });

  it.each(["wrong type", "null"])("refuses a %s with file, line, column, key path and what was expected", (what) => {
    for (const { value, key } of cases) {
      const kind = structureAt(value, key);
      const wrong = kind === "value" ? "[[]]" : "!!str wrong";
      const { issues, lines } = mutated(value, { path: key.path, value: what === "null" ? "null" : wrong });
      const path = showPath(key.path);
      const found = issues.find((issue) => issue.keyPath === path && issue.expected !== undefined);
      expect(found, `${key.identity} (${path}) ${JSON.stringify(issues, null, 1)}`).toMatchObject({
        file: "every.yaml",
        line: lines.get(path),
        column: expect.any(Number),
        message: expect.stringMatching(/expected .*found /),
      });
    }
  });

  it("refuses an unknown sibling, with the known keys beside it", () => {
    for (const { value, key } of cases) {
      const parent = key.path.slice(0, -1);
      const name = String(key.path.at(-1));
      const { issues, lines } = mutated(value, { path: key.path, sibling: `zz${name}: 1` });
      const path = showPath([...parent, `zz${name}`]);
      if (open.some((each) => key.identity.endsWith(each))) continue;
      const found = issues.find((issue) => issue.keyPath === path && issue.rule === "unknownKey");
      expect(found, `${key.identity} ${JSON.stringify(issues, null, 1)}`).toMatchObject({ line: lines.get("sibling") });
      expect(found?.message).toMatch(new RegExp(`known keys: .*\\b${name}\\b`));
    }
  });

  it("refuses a duplicate at the second place", () => {
    for (const { value, key } of cases) {
      const { issues, lines } = mutated(value, { path: key.path, sibling: `${String(key.path.at(-1))}: 1` });
      const found = issues.find((issue) => issue.keyPath === showPath(key.path) && issue.rule === "duplicateKey");
      expect(found, key.identity).toMatchObject({ line: lines.get("sibling"), column: expect.any(Number) });
    }
  });

  it("refuses a number that is negative or huge", () => {
    let numbers = 0;
    for (const { value, key } of cases) {
      let inner: unknown = value;
      for (const step of key.path) inner = (inner as Record<string | number, unknown>)[step];
      if (typeof inner !== "number") continue;
      numbers++;
      // What a plugin's author left without a limit has none; every number of this package has one.
      const limited = settle(key.schema, inner).expects !== undefined;
      for (const bad of ["-1", "1e300", ".inf", "99999999999999999999", ...(limited ? ["4294967296"] : [])]) {
        const { issues } = mutated(value, { path: key.path, value: bad });
        const found = issues.filter((issue) => issue.keyPath === showPath(key.path));
        expect(found, `${key.identity} ${bad}`).not.toEqual([]);
      }
    }
    expect(numbers).toBeGreaterThanOrEqual(50);
  });
});

/** Keys of objects that take any key. */
const open: readonly string[] = [".hosts.name", ".params.name"];

/** Samples hold every key of an object, also those that exclude each other. */
function excused(message: string): boolean {
  return /excludes? each other|incompatible with clientAuth|there is no directory/.test(message);
}
