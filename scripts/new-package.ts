import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { type Group, isMain, root } from "./workspace.ts";

export interface NewPackage {
  readonly group: Exclude<Group, "apps">;
  readonly short: string;
  /** 0 to 4 in packages; plugins are of layer 5. */
  readonly layer: number;
  readonly description: string;
}

/** The files of a new package of ours by their paths, with nothing in it but what each package has. */
export function packageFiles({ group, short, layer, description }: NewPackage): ReadonlyMap<string, string> {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(short)) throw new Error(`${short} is no kebab-case name`);
  const expected = group === "plugins" ? layer === 5 : layer >= 0 && layer <= 4;
  if (!expected) throw new Error(`${group} are of layer ${group === "plugins" ? "5" : "0 to 4"}, and this is ${layer}`);
  const ours = { "@weftmesh/core": "^0.1.0" };
  const manifest = {
    name: `@weftmesh/${short}`,
    version: "0.1.0",
    description,
    license: "Apache-2.0",
    type: "module",
    engines: { node: ">=20.19" },
    sideEffects: false,
    files: ["dist", "src"],
    exports: {
      ".": { "@weftmesh/source": "./src/index.ts", types: "./dist/index.d.ts", default: "./dist/index.js" },
    },
    scripts: { build: "node --import tsx ../../scripts/build-package.ts" },
    weftmesh: { layer },
    ...(group === "plugins"
      ? { peerDependencies: ours, devDependencies: { ...ours, "@weftmesh/testkit": "^0.1.0" } }
      : { ...(layer === 0 ? {} : { dependencies: ours }), devDependencies: { "@weftmesh/testkit": "^0.1.0" } }),
  };
  const readme = [
    `# @weftmesh/${short}`,
    "",
    `${description}.`,
    "",
    "```sh",
    `npm install @weftmesh/${short}`,
    "```",
    "",
    `Layer ${layer}.`,
  ];
  return new Map([
    ["package.json", `${JSON.stringify(manifest, null, 2)}\n`],
    ["tsup.config.ts", 'export { default } from "../../tsup.base.ts";\n'],
    ["README.md", `${readme.join("\n")}\n`],
    ["src/index.ts", "export {};\n"],
  ]);
}

if (isMain(import.meta.url)) {
  const { values, positionals } = parseArgs({
    options: { layer: { type: "string" }, description: { type: "string" } },
    allowPositionals: true,
  });
  const [short] = positionals;
  if (short === undefined || values.layer === undefined || values.description === undefined) {
    console.error('npm run new:package -- NAME --layer N --description "What it is"   (layer 5 is a plugin)');
    process.exitCode = 2;
  } else {
    const layer = Number(values.layer);
    const group = layer === 5 ? "plugins" : "packages";
    const folder = join(root, group, short);
    if (existsSync(folder)) throw new Error(`${folder} is there already`);
    for (const [path, text] of packageFiles({ group, short, layer, description: values.description })) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    console.log(`${group}/${short}: now npm install, then its README, a ts example in it, its tests and a changeset`);
  }
}
