import { defineConfig, type Options } from "tsup";

/** Every library is plain unbundled ESM; its declarations are written by `scripts/emit-types.ts`. */
const options: Options | Options[] | ((overrides: Options) => Options | Options[] | Promise<Options | Options[]>) =
  defineConfig({
    entry: ["src/index.ts"],
    format: ["esm"],
    target: "es2022",
    platform: "node",
    dts: false,
    sourcemap: true,
    clean: true,
  });
export default options;
