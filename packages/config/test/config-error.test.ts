import { isWeftError } from "@weftmesh/core";
import { describe, expect, it } from "vitest";
import { ConfigError, readConfig, validateConfig } from "../src/index.ts";
import { sampleRegistry } from "./sample-registry.ts";

function errorOf(text: string, name = "weft.yaml"): ConfigError {
  try {
    readConfig(text, name, sampleRegistry);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("the config is right");
}

describe("ConfigError", () => {
  it("says everything of a mistake in one line", () => {
    const error = errorOf("routers:\n- protocol: http\n  clinet: {}\n  servers: [{}]\n");
    expect(isWeftError(error) && error.code).toBe("WEFT_CONFIG_INVALID");
    expect(error.message).toMatch(
      /^weft\.yaml:3:3: routers\[0\]\.clinet: unknown key; known keys: protocol, .*client, .*; did you mean client\?$/,
    );
    expect(error.issues[0]).toMatchObject({
      rule: "unknownKey",
      nearest: "client",
      file: "weft.yaml",
      line: 3,
      column: 3,
    });
  });

  it("holds all mistakes at once, in the order of the text", () => {
    const error = errorOf(
      'admin: {port: "1", ip: here}\nrouters:\n- protocol: http\n  servers: [{port: 70000}]\n  bogus: 1\nusage: 3\n',
    );
    expect(error.issues.map(({ line, keyPath }) => `${line} ${keyPath}`)).toEqual([
      "1 admin.port",
      "1 admin.ip",
      "4 routers[0].servers[0].port",
      "5 routers[0].bogus",
      "6 usage",
    ]);
    expect(error.message.split("\n")).toHaveLength(5);
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      code: "WEFT_CONFIG_INVALID",
      issues: error.issues,
      omitted: 0,
    });
  });

  it("shows the line with a caret for terminals", () => {
    const error = errorOf('routers:\n- protocol: http\n  servers:\n  - port: "4140"\n');
    expect(error.pretty()).toBe(
      [
        'weft.yaml:4:11: routers[0].servers[0].port: expected a port: an integer from 0 to 65535; found the text "4140"',
        ' 4 |   - port: "4140"',
        "   |           ^",
      ].join("\n"),
    );
  });

  it("puts the caret under tabs and in long lines", () => {
    const long = errorOf(`routers: [{protocol: http, servers: [{}], label: ${"x".repeat(500)}, port: 1}]\n`);
    const [, line, caret] = long.pretty().split("\n") as [string, string, string];
    expect(line.length).toBeLessThan(200);
    expect(line.slice(caret.indexOf("^"))).toMatch(/^port/);
  });

  it("points inside a dtab at the offending character", () => {
    const error = errorOf("routers:\n- protocol: http\n  servers: [{}]\n  dtab: |\n    /svc => /x;\n    /a\n");
    expect(error.issues).toMatchObject([{ keyPath: "routers[0].dtab", line: 6, rule: "invalidValue" }]);
    const path = errorOf("routers:\n- protocol: http\n  servers: [{}]\n  dstPrefix: '/a/b@c'\n");
    expect(path.issues).toMatchObject([{ keyPath: "routers[0].dstPrefix", line: 4, column: 19 }]);
  });

  it("counts what is beyond the first hundred", () => {
    const keys = Array.from({ length: 250 }, (_, i) => `k${i}: 1`).join("\n");
    const error = errorOf(`${keys}\nrouters:\n- protocol: http\n  servers: [{}]\n`);
    expect(error.issues).toHaveLength(100);
    expect(error.message).toMatch(/and 150 more$/);
  });

  it("C25: escapes what a terminal would act on", () => {
    const error = errorOf('"\\e[31mred\\u202e": 1\nrouters: "\\x07"\n', "a\u001bb.yaml");
    const shown = error.pretty() + error.message;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
    expect(shown).toContain("\\u001b");
  });

  it("I6: names stdin as it was told to", () => {
    expect(errorOf("a: 1\n", "-").message).toMatch(/^-:1:1: /);
  });

  it("is what validateConfig throws, which returns nothing for a config that is right", () => {
    expect(() => validateConfig("", "x", sampleRegistry)).toThrow(ConfigError);
    expect(validateConfig("routers: [{protocol: http, servers: [{}]}]", "x", sampleRegistry)).toBeUndefined();
  });
});
