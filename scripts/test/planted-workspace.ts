import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";

export interface PlantedPackage {
  readonly layer: number;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** A workspace in a folder of its own that goes away with the test: manifests by folder, and files by path. */
export function plantWorkspace(
  packages: Readonly<Record<string, PlantedPackage>>,
  files: Readonly<Record<string, string>> = {},
): string {
  const at = realpathSync(mkdtempSync(join(tmpdir(), "planted-")));
  onTestFinished(() => rmSync(at, { recursive: true, force: true }));
  for (const [dir, { layer, ...dependencies }] of Object.entries(packages)) {
    const name = `@weftmesh/${dir.split("/")[1]}`;
    const exports = { ".": { "@weftmesh/source": "./src/index.ts", default: "./dist/index.js" } };
    const manifest = { name, version: "0.1.0", type: "module", weftmesh: { layer }, exports, ...dependencies };
    write(join(at, dir, "package.json"), JSON.stringify(manifest));
    mkdirSync(join(at, "node_modules/@weftmesh"), { recursive: true });
    symlinkSync(join(at, dir), join(at, "node_modules", name));
  }
  for (const [path, text] of Object.entries(files)) write(join(at, path), text);
  return at;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
