import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import {
  ConfigError,
  definePlugin,
  listSettings,
  profileSettings,
  Registry,
  readConfig,
  SecretType,
  secret,
  TextType,
  toJson,
} from "../src/index.ts";
import { type Mutation, printYaml } from "./print-yaml.ts";
import { samplePlugins } from "./sample-registry.ts";

/** Every form that a secret may have in a schema. */
const vault = definePlugin({
  type: "telemeter",
  kind: "com.example.secrets",
  schema: z.strictObject({
    apiKey: SecretType,
    tokens: z.array(SecretType),
    byHost: z.record(z.string(), SecretType),
    auth: z.strictObject({ user: TextType, password: SecretType }),
    credentials: secret(z.strictObject({ user: TextType, phrase: TextType })),
    passphrase: SecretType.optional(),
    level: z.enum(["low", "high"]).default("low"),
  }),
  make: (): never => {
    throw new Error("never made");
  },
});
const registry = Registry.of([...samplePlugins, vault]);

/** Text that is nobody's word, in which a terminal and YAML may see something of their own. */
const planted = fc
  .tuple(fc.stringMatching(/^[a-zA-Z0-9]{12}$/), fc.constantFrom("", "#x", ": y", "\u001b[31m", "'", "{", "é"))
  .map(([core, odd]) => `zQ9${core}${odd}`);

const configOf = (s: readonly string[]) => ({
  routers: [{ protocol: "http", profile: "edge", servers: [{ port: 4140 }] }],
  telemetry: [
    {
      kind: "com.example.secrets",
      apiKey: s[0],
      tokens: [s[1], s[2]],
      byHost: { a: s[3] },
      auth: { user: "me", password: s[4] },
      credentials: { user: s[5], phrase: s[6] },
      passphrase: s[7],
      level: "low",
    },
  ],
});

const at = ["telemetry", 0] as const;
const q = (text: string | undefined): string => JSON.stringify(text);
/** A mistake at a secret, beside one, or far away. */
function mutations(s: readonly string[]): readonly (Mutation | undefined)[] {
  return [
    undefined,
    { path: [...at, "apiKey"], value: `[${q(s[0])}]` },
    { path: [...at, "apiKey"], value: `{ a: ${q(s[0])} }` },
    { path: [...at, "apiKey"], sibling: `apiKye: ${q(s[8])}` },
    { path: [...at, "apiKey"], sibling: `apiKey: ${q(s[8])}` },
    { path: [...at, "tokens"], value: q(s[1]) },
    { path: [...at, "tokens"], value: `[${q(s[1])}, [${q(s[2])}]]` },
    { path: [...at, "byHost"], value: `[${q(s[3])}]` },
    { path: [...at, "auth", "password"], value: `{ x: ${q(s[4])}, y: [${q(s[5])}] }` },
    { path: [...at, "auth"], value: `{ user: me, password: ${q(s[4])}, passwrd: ${q(s[8])} }` },
    { path: [...at, "credentials"], value: q(s[5]) },
    { path: [...at, "credentials", "phrase"], sibling: `frase: ${q(s[8])}` },
    { path: [...at, "level"], value: "middle" },
    { path: [...at, "kind"], value: "com.example.secretz" },
    { path: ["routers", 0, "protocol"], value: "htpt" },
  ];
}

/** Everything that is ever shown of a config. */
function outputs(text: string): string {
  try {
    const read = readConfig(text, "s.yaml", registry);
    return JSON.stringify([toJson(read), listSettings(read), profileSettings(read)]);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return `${error.message}\n${error.pretty()}\n${JSON.stringify(error.issues)}\n${String(error.stack)}`;
  }
}

describe("D5: a secret", () => {
  it("is in nothing that is shown of a config, whether that is good or has a mistake anywhere", () => {
    let good = 0;
    fc.assert(
      fc.property(fc.array(planted, { minLength: 9, maxLength: 9 }), fc.nat(), (secrets, pick) => {
        const all = mutations(secrets);
        const mutation = all[pick % all.length];
        const block = printYaml(configOf(secrets), mutation).text;
        // All of it in one line.
        const flow = JSON.stringify(configOf(secrets)).replace('"low"', pick % 2 === 0 ? '"low"' : "3");
        const text = mutation === undefined && pick % 4 < 2 ? flow : block;
        const shown = outputs(text);
        if (pick % all.length === 0) good++;
        for (const each of secrets) expect(shown.includes(each.slice(0, 9)) ? [each, text, shown] : []).toEqual([]);
      }),
      { numRuns: 300 },
    );
    expect(good).toBeGreaterThan(0);
  });

  it("is in no message about a text that ends too early, as YAML and as JSON", () => {
    fc.assert(
      fc.property(
        fc.array(planted, { minLength: 9, maxLength: 9 }),
        fc.integer({ min: 0, max: 999 }),
        fc.boolean(),
        (secrets, cut, yaml) => {
          const text = yaml ? printYaml(configOf(secrets)).text : JSON.stringify(configOf(secrets), null, 1);
          const shown = outputs(text.slice(0, Math.floor((text.length * cut) / 1000)));
          for (const each of secrets) expect(shown.includes(each.slice(0, 9)) ? [each, shown] : []).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });
});
