import { join } from "node:path";
import ts from "typescript";
import { afterEach, describe, expect, it } from "vitest";
import { docstrings, fenced, readExamples, writeExamples } from "../examples.ts";
import { published, readMembers, root } from "../workspace.ts";

const examples = readExamples();
const files = writeExamples(examples, join(root, ".examples"));
const named = examples.map((each, i) => [`${each.page}:${each.line}`, files[i] as string] as const);

function diagnosticsOf(rootNames: readonly string[]): readonly string[] {
  const { config } = ts.readConfigFile(join(root, "tsconfig.base.json"), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  const forExamples: ts.CompilerOptions = { ...options, noEmit: true, isolatedDeclarations: false, declaration: false };
  const program = ts.createProgram([...rootNames], forExamples);
  return rootNames.flatMap((name) => {
    const file = program.getSourceFile(name);
    if (file === undefined) return [`${name} was not read`];
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map((each) => {
      const { line } = file.getLineAndCharacterOfPosition(each.start ?? 0);
      return `${name}:${line + 1}: ${ts.flattenDiagnosticMessageText(each.messageText, " ")}`;
    });
  });
}

describe("the examples of the READMEs", () => {
  const silence = console.log;
  afterEach(() => {
    console.log = silence;
  });

  it("are well typed", { timeout: 60_000 }, () => {
    expect(diagnosticsOf(files)).toEqual([]);
  });

  it.each(named)("run: %s", async (_where, file) => {
    console.log = () => {};
    expect(await import(file)).toBeTypeOf("object");
  });

  it("are there for each package", () => {
    const pages = new Set(examples.map((each) => each.page));
    const without = published(readMembers()).filter((each) => !pages.has(`${each.dir}/README.md`));
    expect(without.map((each) => each.dir)).toEqual([]);
  });
});

describe("reading examples", () => {
  it("takes the ts blocks of a page, with their lines", () => {
    const page = "# A\n\n```ts\nconst a = 1;\n```\n\n```yaml\na: 1\n```\n\n```ts\nb();\n```\n";
    expect(fenced("p", page)).toEqual([
      { page: "p", line: 4, code: "const a = 1;" },
      { page: "p", line: 12, code: "b();" },
    ]);
  });

  it("refuses a block that never ends", () => {
    expect(() => fenced("p", "```ts\na\n")).toThrow("p:1: the block is never closed");
  });

  it("takes a docstring's example only when it is whole", () => {
    const whole = '/**\n * Does.\n * @example\n * import { a } from "a";\n * a();\n */\n/** @example\n * b();\n */';
    expect(docstrings("p", whole)).toEqual([{ page: "p", line: 3, code: 'import { a } from "a";\na();' }]);
  });

  it("sees a wrong type in an example", { timeout: 60_000 }, () => {
    const folder = join(root, ".examples", "planted");
    const planted = { page: "planted.md", line: 1, code: 'import { role } from "@weftmesh/core";\nrole(1);' };
    expect(diagnosticsOf(writeExamples([planted], folder))).toEqual([expect.stringMatching(/:2: .*number/)]);
  });
});
