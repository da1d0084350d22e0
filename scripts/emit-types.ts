import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import ts from "typescript";
import { filesBelow } from "./workspace.ts";

/**
 * Isolated declarations are made from each file alone, so no import is followed and nothing is checked. The standard
 * library is read all the same: without it TypeScript 6.0.3 does not know `Symbol.iterator` and writes a method of that
 * name a second time, as an index signature (and so does `ts.transpileDeclaration`).
 */
const options: ts.CompilerOptions = {
  declaration: true,
  declarationMap: true,
  emitDeclarationOnly: true,
  isolatedDeclarations: true,
  noCheck: true,
  lib: ["lib.es2023.d.ts"],
  noResolve: true,
  types: [],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  moduleDetection: ts.ModuleDetectionKind.Force,
  target: ts.ScriptTarget.ES2022,
  verbatimModuleSyntax: true,
  allowImportingTsExtensions: true,
};

/** `./x.ts` in a module specifier; the declaration of it stands beside it and is found as `./x.js`. */
const relativeSpecifier = /((?:\bfrom|\bimport|\bmodule)\s*\(?\s*)(["'])(\.{1,2}\/[^"'\n]*)\.ts\2/g;

/**
 * The declarations of each source file and their maps, by the paths they have below `outDir`.
 *
 * Errors: throws with each place where an export does not state its type.
 */
export function declarationsOf(files: readonly string[], srcDir: string, outDir: string): ReadonlyMap<string, string> {
  const written = new Map<string, string>();
  const program = ts.createProgram([...files], { ...options, rootDir: srcDir, outDir });
  const { diagnostics } = program.emit(undefined, (path, text) => written.set(path, text), undefined, true);
  const wrong = [...program.getSyntacticDiagnostics(), ...diagnostics];
  if (wrong.length > 0) throw new Error(wrong.map(shown).join("\n"));
  for (const [path, text] of written) {
    // The length stays the same, so the map stays right.
    if (path.endsWith(".d.ts")) written.set(path, text.replace(relativeSpecifier, "$1$2$3.js$2"));
  }
  return written;
}

function shown(diagnostic: ts.Diagnostic): string {
  const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, " ");
  if (diagnostic.file === undefined || diagnostic.start === undefined) return text;
  const { line, character } = diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start);
  return `${diagnostic.file.fileName}:${line + 1}:${character + 1}: ${text}`;
}

/** Writes `dist/*.d.ts` with maps for every file of `src`; how many files. */
export function emitTypes(packageDir: string): number {
  const [src, dist] = [join(packageDir, "src"), join(packageDir, "dist")];
  const sources = filesBelow("src", /(?<!\.d)\.ts$/, packageDir).map((each) => resolve(packageDir, each));
  for (const [path, text] of declarationsOf(sources, src, dist)) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, path.endsWith(".map") ? pointed(text, path) : text);
  }
  return sources.length;
}

/** A map whose source is found from where the map stands. */
function pointed(text: string, path: string): string {
  const map = JSON.parse(text) as { readonly sources: readonly string[] };
  const sources = map.sources.map((each) => {
    const source = resolve(dirname(path), each);
    readFileSync(source); // a map that points nowhere is a mistake of ours
    return relative(dirname(path), source).split(sep).join("/");
  });
  return JSON.stringify({ ...map, sources });
}
