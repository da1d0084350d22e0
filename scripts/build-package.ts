import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "tsup";
import { emitTypes } from "./emit-types.ts";
import { root } from "./workspace.ts";

// Run in a package's folder by its `build` script: one file of code, declarations per source file, and the licence,
// which `npm pack` takes along from the folder.
const dir = process.cwd();
await build({ silent: true });
if (emitTypes(dir) === 0) throw new Error(`no source below ${dir}/src`);
for (const name of ["LICENSE", "NOTICE"]) copyFileSync(join(root, name), join(dir, name));
