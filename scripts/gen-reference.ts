import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { configJsonSchema, Registry } from "../packages/config/src/index.ts";
import { standardPlugins } from "../plugins/standard/src/index.ts";
import { configPage, type JsonNode } from "./reference/config.ts";
import { errorsPage, readErrors, type SourceText } from "./reference/errors.ts";
import { metricsPage, readMetrics } from "./reference/metrics.ts";
import { filesBelow, isMain, root } from "./workspace.ts";

/** Every source file that is published, save the testkit's. */
export function publishedSources(at: string = root): readonly SourceText[] {
  const isSource = /^(packages|plugins)\/(?!testkit\/)[^/]+\/src\/.*(?<!\.d)\.ts$/;
  return [...filesBelow("packages", isSource, at), ...filesBelow("plugins", isSource, at)].map((file) => ({
    file,
    text: readFileSync(join(at, file), "utf8"),
  }));
}

/** The pages by their paths. */
export function referencePages(): ReadonlyMap<string, string> {
  const sources = publishedSources();
  const { entries, unknown } = readErrors(sources);
  if (unknown.length > 0) throw new Error(`no code could be read from ${unknown.join("; ")}`);
  const schema = configJsonSchema(Registry.of(standardPlugins));
  return new Map([
    ["docs/reference/errors.md", errorsPage(entries)],
    ["docs/reference/metrics.md", metricsPage(readMetrics(sources))],
    ["docs/reference/config.md", configPage(schema as JsonNode)],
    ["docs/reference/config.schema.json", `${JSON.stringify(schema, null, 2)}\n`],
  ]);
}

if (isMain(import.meta.url)) {
  const check = process.argv.includes("--check");
  for (const [path, text] of referencePages()) {
    const file = join(root, path);
    const fresh = existsSync(file) && readFileSync(file, "utf8") === text;
    if (fresh) continue;
    if (check) {
      console.error(`${path} is not what the sources say: run npm run docs:gen`);
      process.exitCode = 1;
    } else {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      console.log(`wrote ${path}`);
    }
  }
}
