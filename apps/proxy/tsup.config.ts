import { defineConfig } from "tsup";

/** A program is bundled with all that it needs: that halves the time and the memory of its start. */
export default defineConfig({
  entry: { main: "src/main.ts" },
  format: ["esm"],
  target: "node20",
  platform: "node",
  minify: true,
  splitting: true,
  sourcemap: false,
  clean: true,
  noExternal: [/.*/],
  esbuildOptions(options) {
    options.conditions = ["@weftmesh/source"];
  },
  banner: {
    // Some libraries are CommonJS inside and ask for built-in modules by `require`.
    js: 'import { createRequire as weftCreateRequire } from "node:module"; const require = weftCreateRequire(import.meta.url);',
  },
});
