import { cpSync, existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { isMain, root } from "./workspace.ts";

export interface NewPlugin {
  /** Must not exist yet. */
  readonly folder: string;
  /** `@acme/weftmesh-plugin-audit`. */
  readonly name: string;
  /** What its kinds begin with: `com.acme`. */
  readonly domain: string;
}

/** Copies `templates/plugin`, with the names put in. */
export function newPlugin({ folder, name, domain }: NewPlugin): void {
  if (existsSync(folder)) throw new Error(`${folder} is there already`);
  if (!/^(@[a-z0-9-]+\/)?[a-z0-9][a-z0-9._-]*$/.test(name)) throw new Error(`${name} is no name of a package`);
  if (!/^[a-z][a-z0-9]*(\.[a-z][a-z0-9]*)+$/.test(domain)) throw new Error(`${domain} is no domain such as com.acme`);
  const template = join(root, "templates/plugin");
  cpSync(template, folder, { recursive: true, filter: (from) => !/\/(node_modules|dist)(\/|$)/.test(from) });
  renameSync(join(folder, "gitignore"), join(folder, ".gitignore"));
  const owner = domain.split(".").pop() ?? domain;
  for (const file of filesOf(folder)) {
    const text = readFileSync(file, "utf8")
      .replaceAll("@example/weftmesh-plugin", name)
      .replaceAll("com.example", domain)
      .replaceAll('role("example.', `role("${owner}.`);
    writeFileSync(file, text);
  }
}

function filesOf(folder: string): readonly string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesOf(path) : [path];
  });
}

if (isMain(import.meta.url)) {
  const { values, positionals } = parseArgs({
    options: { name: { type: "string" }, domain: { type: "string" } },
    allowPositionals: true,
  });
  const [folder] = positionals;
  if (folder === undefined || values.name === undefined || values.domain === undefined) {
    console.error("npm run new:plugin -- FOLDER --name @acme/weftmesh-plugin-audit --domain com.acme");
    process.exitCode = 2;
  } else {
    newPlugin({ folder: resolve(folder), name: values.name, domain: values.domain });
    console.log(`${folder}: now npm install && npm test there`);
  }
}
