import { readFileSync } from "node:fs";
import { checkPackage, createPackageFromTarballData, type Problem } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

/** What is wrong with a tarball for those who install it: its manifest, its files, and its types as compilers see them. */
export async function shapeProblems(tarball: string): Promise<readonly string[]> {
  const bytes = new Uint8Array(readFileSync(tarball));
  return [...(await lintPackage(bytes)), ...(await resolveTypes(bytes))];
}

async function lintPackage(bytes: Uint8Array<ArrayBuffer>): Promise<readonly string[]> {
  const { messages, pkg } = await publint({ pack: { tarball: bytes.buffer }, strict: true });
  return messages.map((each) => `publint: ${formatMessage(each, pkg, { color: false }) ?? each.code}`);
}

/** We are ESM only: how CommonJS and resolvers older than `exports` see it is no problem. */
async function resolveTypes(bytes: Uint8Array): Promise<readonly string[]> {
  const analysis = await checkPackage(createPackageFromTarballData(bytes));
  if (analysis.types === false) return ["attw: it has no types"];
  return analysis.problems.filter((each) => !onlyForOthers(each)).map((each) => `attw: ${JSON.stringify(each)}`);
}

function onlyForOthers(problem: Problem): boolean {
  if (!("resolutionKind" in problem)) return false;
  return problem.resolutionKind === "node10" || problem.resolutionKind === "node16-cjs";
}
