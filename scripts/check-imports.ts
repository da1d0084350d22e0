import { createRequire } from "node:module";
import { cruise, type ICruiseOptions, type ICruiseResult, type IResolveOptions } from "dependency-cruiser";
import { importRules } from "./import-rules.ts";
import { filesBelow, groups, isMain, type Member, readMembers, root } from "./workspace.ts";

/** Fewer modules than this means that nothing was read: a cruiser that sees no module also sees no violation. */
const leastModules = 60;
const sourceFile = /^[^/]+\/[^/]+\/(src|test|e2e|integration|bench)\/.*(?<!\.d)\.ts$/;

export interface Cruised {
  readonly problems: readonly string[];
  readonly modules: number;
}

/** Cruises the workspace at `at` with the rules of its manifests. */
export async function cruiseImports(
  members: readonly Member[],
  at: string = root,
  least = leastModules,
): Promise<Cruised> {
  const files = groups.flatMap((group) => filesBelow(group, sourceFile, at));
  const { options } = createRequire(import.meta.url)("../.dependency-cruiser.cjs") as { options: ICruiseOptions };
  const { enhancedResolveOptions, tsConfig: _tsConfig, ...rest } = options;
  const before = process.cwd();
  process.chdir(at);
  try {
    const { output } = await cruise(
      [...files],
      { ...rest, baseDir: at, validate: true, ruleSet: { forbidden: importRules(members) } },
      enhancedResolveOptions as Partial<IResolveOptions>,
    );
    return read(output as ICruiseResult, files, least);
  } finally {
    process.chdir(before);
  }
}

function read(result: ICruiseResult, files: readonly string[], least: number): Cruised {
  const problems = result.summary.violations.map(
    (each) =>
      `${each.rule.name}: ${each.from} -> ${each.to}${each.cycle ? ` (${each.cycle.map((m) => m.name).join(" -> ")})` : ""}`,
  );
  const seen = new Set(result.modules.map((each) => each.source));
  const unseen = files.filter((file) => !seen.has(file));
  if (unseen.length > 0) problems.push(`${unseen.length} files were not cruised, ${unseen[0]} among them`);
  if (files.length < least) problems.push(`only ${files.length} modules were cruised; there are at least ${least}`);
  const linked = result.modules.filter((each) => each.dependencies.length > 0).length;
  if (linked * 4 < files.length)
    problems.push(`only ${linked} of ${files.length} modules have any import: none was read`);
  return { problems, modules: files.length };
}

if (isMain(import.meta.url)) {
  const { problems, modules } = await cruiseImports(readMembers());
  for (const problem of problems) console.error(problem);
  console.log(`imports: ${modules} modules, ${problems.length} problems`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
