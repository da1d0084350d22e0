// Mutation scores: npm run mutation -- PACKAGE... [--concurrency N] [--files GLOB] [--tests GLOB] [--record]
// What is found out is kept: a large package goes faster file by file, each with the tests of its own, before all at once.
// Works in a copy of the package's sources, so that nobody meets a mutant in the tree.
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type MutantReport, type Score, scoreOf, scoreTable } from "./mutation-score.ts";
import { isMain, type Member, readMembers, root } from "./workspace.ts";

const resultsFile: string = join(root, "docs", "mutation.json");
const allFiles = "**/*.ts";
const allTests = "**/*.test.ts";
const pageFile: string = join(root, "docs", "mutation.md");

/** A folder with copies of all packages, and with links to everything that they need. */
function sandbox(members: readonly Member[]): string {
  const dir = mkdtempSync(join(tmpdir(), "weft-mutation-"));
  for (const file of ["package.json", "tsconfig.json", "tsconfig.base.json"]) cpSync(join(root, file), join(dir, file));
  const modules = join(dir, "node_modules");
  mkdirSync(join(modules, "@weftmesh"), { recursive: true });
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (name !== "@weftmesh") symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
  for (const { dir: path, manifest } of members) {
    const skipped = /\/(node_modules|dist|results)(\/|$)/;
    cpSync(join(root, path), join(dir, path), { recursive: true, filter: (from) => !skipped.test(from) });
    symlinkSync(join(dir, path), join(modules, manifest.name));
  }
  return dir;
}

function vitestConfig(path: string, tests: string): string {
  return `import { defineConfig } from "vitest/config";
const conditions = ["@weftmesh/source"];
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ["${path}/test/${tests}"],
    // Simulations tell of the whole, slowly; what tells mutants apart are the tests of the parts.
    exclude: ["**/simulation.test.ts"],
    setupFiles: ["packages/testkit/src/setup.ts"],
    // Under the eyes of Stryker a loop takes fifty times as long.
    testTimeout: 300_000,
    pool: "forks",
  },
});
`;
}

function strykerConfig(path: string, files: string, concurrency: number): unknown {
  return {
    testRunner: "vitest",
    plugins: ["@stryker-mutator/vitest-runner"],
    inPlace: true,
    incremental: true,
    incrementalFile: "incremental.json",
    concurrency,
    mutate: [`${path}/src/${files}`, "!**/index.ts"],
    reporters: ["json", "progress-append-only"],
    jsonReporter: { fileName: "report.json" },
    coverageAnalysis: "perTest",
    vitest: { related: false },
    // Much, since a busy machine is no verdict on a mutant.
    timeoutMS: 20_000,
    timeoutFactor: 2,
    disableTypeChecks: false,
    allowConsoleColors: false,
  };
}

function run(member: Member, members: readonly Member[], files: string, tests: string, concurrency: number): Score {
  const dir = sandbox(members);
  const kept = join(root, "node_modules", ".cache", "mutation");
  const incremental = join(kept, `${member.short}.json`);
  mkdirSync(kept, { recursive: true });
  if (existsSync(incremental)) cpSync(incremental, join(dir, "incremental.json"));
  writeFileSync(join(dir, "vitest.config.ts"), vitestConfig(member.dir, tests));
  writeFileSync(join(dir, "stryker.config.json"), JSON.stringify(strykerConfig(member.dir, files, concurrency)));
  console.log(`${member.short}: in ${dir}`);
  const env = { ...process.env, WEFT_MUTATION: "1", WEFT_RUNS: process.env["WEFT_RUNS"] ?? "25" };
  const stryker = join(root, "node_modules", ".bin", "stryker");
  const { status } = spawnSync(stryker, ["run"], { cwd: dir, env, stdio: "inherit" });
  if (status !== 0) throw new Error(`${member.short}: stryker ended with ${status}`);
  cpSync(join(dir, "incremental.json"), incremental);
  const report = JSON.parse(readFileSync(join(dir, "report.json"), "utf8")) as MutantReport;
  writeFileSync(join(kept, `${member.short}.report.json`), JSON.stringify(report));
  return scoreOf(member.short, report);
}

function main(): void {
  const { values, positionals } = parseArgs({
    options: {
      concurrency: { type: "string", default: "1" },
      files: { type: "string", default: allFiles },
      tests: { type: "string", default: allTests },
      record: { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  const members = readMembers();
  const scores = existsSync(resultsFile) ? (JSON.parse(readFileSync(resultsFile, "utf8")) as Score[]) : [];
  for (const name of positionals) {
    const member = members.find((each) => each.short === name);
    if (member === undefined) throw new Error(`there is no package ${name}`);
    const score = run(member, members, values.files, values.tests, Number(values.concurrency));
    console.log(scoreTable([score]));
    // A part of a package has no score of its own to keep, unless it was the last part.
    if (!values.record && (values.files !== allFiles || values.tests !== allTests)) continue;
    const others = scores.filter((each) => each.package !== name);
    scores.splice(0, scores.length, ...[...others, score].sort((a, b) => a.package.localeCompare(b.package)));
    writeFileSync(resultsFile, `${JSON.stringify(scores, null, 2)}\n`);
    const head = `# Mutation scores\n\n\`npm run mutation -- PACKAGE\` (Stryker; killed and timed out, of all mutants). A large package is\ndone file by file, each with the tests of its own: what other tests would have killed counts as survived there.\n\n`;
    writeFileSync(pageFile, `${head}${scoreTable(scores)}\n`);
  }
}

if (isMain(import.meta.url)) main();
