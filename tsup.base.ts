import { defineConfig, type Options } from "tsup";

/**
 * Every library is plain ESM, one file of its own code and none of anybody else's; its declarations are written by
 * `scripts/emit-types.ts`, one per source file.
 */
const options: Options | Options[] | ((overrides: Options) => Options | Options[] | Promise<Options | Options[]>) =
  defineConfig({
    entry: ["src/index.ts"],
    format: ["esm"],
    target: "es2022",
    platform: "node",
    dts: false,
    sourcemap: true,
    clean: true,
    skipNodeModulesBundle: true,
  });
export default options;
