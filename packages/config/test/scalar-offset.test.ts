import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readSource } from "../src/read-source.ts";
import { placeOf, type SourceNode } from "../src/source.ts";

function charAt(text: string, at: number): string {
  const { source, issues } = readSource(text, "t");
  issues.throwIfAny();
  const { node } = placeOf(source?.root as SourceNode, ["k"]);
  if (node.kind !== "scalar" || node.offsetOf === undefined) throw new Error("not a text");
  return text.slice(node.offsetOf(at), node.offsetOf(at) + 1);
}

const value = "/a => /b;\n/c => !x;\n";

describe("the place of a character inside a text value", () => {
  it.each([
    ["a literal block", "k: |\n  /a => /b;\n  /c => !x;\n"],
    ["a literal block with a comment and more indentation", "k: | # rules\n      /a => /b;\n      /c => !x;\n"],
    ["a folded block", "k: >\n  /a => /b;\n\n  /c => !x;\n"],
    ["a plain value over two lines", "k: /a => /b;\n  /c => !x;\n"],
    ["single quotes", "k: '/a => /b;\n\n  /c => !x;'\n"],
    ["double quotes with escapes", 'k: "/a => /b;\\n\\x2fc => !x;\\n"\n'],
    ["JSON", '{"k": "/a => /b;\\n/c => !x;\\n"}'],
  ])("is found in %s", (_name, text) => {
    for (const visible of [";", "c", "!", "x"]) {
      const found = charAt(text, value.indexOf(visible));
      expect(found, visible).toBe(visible);
    }
  });

  it("counts an escape as the one character that it stands for", () => {
    expect(charAt('k: "\\x41\\u0042\\U00000043d\\"e"\n', 3)).toBe("d");
    expect(charAt('k: "\\x41\\u0042\\U00000043d\\"e"\n', 5)).toBe("e");
    expect(charAt("k: 'it''s!'\n", 4)).toBe("!");
  });

  it("is behind the last visible character for white space and for the end", () => {
    const text = "k: |\n  ab\n  cd\n";
    const { source } = readSource(text, "t");
    const { node } = placeOf(source?.root as SourceNode, ["k"]);
    if (node.kind !== "scalar" || node.offsetOf === undefined) throw new Error("not a text");
    expect(text.slice(0, node.offsetOf(6))).toBe("k: |\n  ab\n  cd");
    expect(text.slice(0, node.offsetOf(99))).toBe("k: |\n  ab\n  cd");
  });

  it("is the right character for every character of every text, in every style", () => {
    const line = fc.stringMatching(/^[a-z/=>;'"\\]{1,8}( [a-z/=>;'"\\]{1,5})?$/);
    const style = fc.constantFrom("block", "single", "double");
    fc.assert(
      fc.property(
        fc.array(line, { minLength: 1, maxLength: 4 }),
        style,
        fc.integer({ min: 1, max: 6 }),
        (lines, how, indent) => {
          const space = " ".repeat(indent);
          const text =
            how === "block"
              ? `k: |\n${lines.map((each) => `${space}${each}`).join("\n")}\n`
              : how === "double"
                ? `k: ${JSON.stringify(lines.join("\n"))}\n`
                : `k: '${lines.map((each) => each.replaceAll("'", "''")).join(`\n\n${space}`)}'\n`;
          const whole = lines.join("\n");
          for (const [at, char] of [...whole].entries()) {
            if (/\s/.test(char)) continue;
            const found = charAt(text, at);
            // An escape is found at its backslash.
            expect(found === "\\" && how === "double" ? char : found).toBe(char);
          }
        },
      ),
    );
  });
});
