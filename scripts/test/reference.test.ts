import { describe, expect, it } from "vitest";
import { configPage } from "../reference/config.ts";
import { errorsPage, readErrors } from "../reference/errors.ts";
import { metricsPage, readMetrics } from "../reference/metrics.ts";

const of = (text: string): { readonly file: string; readonly text: string }[] => [
  { file: "packages/a/src/a.ts", text },
];

describe("the page of errors", () => {
  it("has the code, the flags, the message and the first sentence of each class", () => {
    const { entries, unknown } = readErrors(
      of(`/** Too many. More is
 * said here. */
export class LimitError extends WeftError {
  constructor(n: number, max: number) {
    super("WEFT_LIMIT", \`\${n} calls, at most \${max}\`, { flags: ["rejected", "retryable"] });
  }
}`),
    );
    expect(unknown).toEqual([]);
    expect(entries).toEqual([
      {
        code: "WEFT_LIMIT",
        className: "LimitError",
        message: "{n} calls, at most {max}",
        flags: ["rejected", "retryable"],
        about: "Too many.",
        file: "packages/a/src/a.ts",
      },
    ]);
    expect(errorsPage(entries)).toContain(
      "| `WEFT_LIMIT` | [LimitError](../../packages/a/src/a.ts) | rejected, retryable |",
    );
  });

  it("follows a class below a class, in another file, and a code in a constant", () => {
    const base = "export class Base extends WeftError { constructor(code: string, m: string) { super(code, m); } }";
    const leaf =
      'const code = "WEFT_LEAF";\nexport class Leaf extends Base { constructor() { super(code, "a" + "b"); } }';
    const { entries, unknown } = readErrors([
      { file: "b.ts", text: leaf },
      { file: "a.ts", text: base },
    ]);
    expect(unknown).toEqual([]);
    expect(entries).toMatchObject([{ code: "WEFT_LEAF", className: "Leaf", message: "ab" }]);
  });

  it("has errors that are raised without a class", () => {
    const { entries } = readErrors(of('throw new WeftError("WEFT_ODD", "odd");'));
    expect(entries).toMatchObject([{ code: "WEFT_ODD", className: undefined }]);
  });

  it("has errors of a class that is given its code, with the class's flags and what its maker says", () => {
    const text = `const flags = ["nonRetryable"];
class P extends WeftError { constructor(code: string, m: string) { super(code, m, { flags }); } }
/** Too long: answered with 414. */
export function tooLong(n: number): P { return new P("WEFT_LONG", \`\${n} bytes\`); }`;
    const { entries, unknown } = readErrors(of(text));
    expect(unknown).toEqual([]);
    expect(entries).toMatchObject([
      {
        code: "WEFT_LONG",
        className: "P",
        message: "{n} bytes",
        flags: ["nonRetryable"],
        about: "Too long: answered with 414.",
      },
    ]);
  });

  it("leaves out a class that carries the code of what it wraps", () => {
    const text = "class W extends WeftError { constructor(cause: WeftError) { super(cause.code, cause.message); } }";
    expect(readErrors(of(text))).toEqual({ entries: [], unknown: [] });
  });

  it("says which classes have no code to be found", () => {
    const text = "export class Mute extends WeftError { constructor(c: string) { super(c, c); } }";
    expect(readErrors(of(text)).unknown).toEqual(["packages/a/src/a.ts: Mute"]);
  });
});

describe("the page of metrics", () => {
  it("has each metric that is asked for by name, with the scopes of the same expression", () => {
    const entries = readMetrics(
      of(`const scope = stats.scope("svc");
scope.counter("requests");
stats.scope("a", label).stat("latency_ms");
stats.gauge(() => n, "size");
map.counter(name);`),
    );
    expect(entries.map((each) => `${each.kind} ${each.name}`).sort()).toEqual([
      "counter requests",
      "gauge size",
      "stat a/{label}/latency_ms",
    ]);
    expect(metricsPage(entries)).toContain("| `size` | gauge | [packages/a/src/a.ts](../../packages/a/src/a.ts) |");
  });
});

describe("the page of the config", () => {
  it("has each key with its type, its default and what it is for, also those inside", () => {
    const page = configPage({
      type: "object",
      required: ["routers"],
      properties: {
        routers: { type: "array", items: { anyOf: [{ $ref: "#/$defs/protocol-http" }] }, description: "At least one" },
        admin: {
          type: "object",
          properties: { port: { type: "integer", minimum: 1, maximum: 65535, default: 9990, description: "a | b" } },
        },
      },
      $defs: {
        "protocol-http": {
          type: "object",
          description: "HTTP",
          properties: { mode: { enum: ["a", "b"], default: "a" } },
        },
      },
    });
    expect(page).toContain("| `routers` | list of [protocol-http](#protocol-http) | required | At least one |");
    expect(page).toContain("| `admin.port` | integer >= 1, <= 65535 | `9990` | a \\| b |");
    expect(page).toContain(
      '## protocol-http\n\nHTTP.\n\n| key | type | default | |\n|---|---|---|---|\n| `mode` | `a`, `b` | `"a"` |  |',
    );
  });
});
