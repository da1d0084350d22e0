import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Options } from "tsup";

const require = createRequire(import.meta.url);

type Plugin = NonNullable<Options["esbuildPlugins"]>[number];

/** For Node, rxjs offers its CommonJS form alone, of which nothing can be left out; its ES modules hold the same code. */
const rxjsAsModules: Plugin = {
  name: "rxjs-as-modules",
  setup(build) {
    const entry = join(dirname(require.resolve("rxjs/package.json")), "dist/esm/index.js");
    build.onResolve({ filter: /^rxjs$/ }, () => ({ path: entry, sideEffects: false }));
  },
};

/** zod speaks forty languages; our messages are our own, and English is what they fall back to. */
const oneLanguage: Plugin = {
  name: "one-language",
  setup(build) {
    build.onResolve({ filter: /locales\/index\.(js|cjs)$/ }, (args) =>
      args.importer.includes("/zod/") ? { path: "zod-locales", namespace: "one-language" } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: "one-language" }, () => ({
      contents: 'export { default as en } from "zod/v4/locales/en.js";',
      resolveDir: import.meta.dirname,
    }));
  },
};

/** A program is bundled with all that it needs: that halves the time and the memory of its start. */
export const program: Options = {
  entry: { main: "src/main.ts" },
  format: ["esm"],
  target: "node20",
  platform: "node",
  minify: true,
  splitting: true,
  clean: true,
  noExternal: [/.*/],
  esbuildPlugins: [rxjsAsModules, oneLanguage],
  esbuildOptions(options) {
    options.conditions = ["@weftmesh/source"];
  },
  banner: {
    // Some libraries are CommonJS inside and ask for built-in modules by `require`.
    js: 'import { createRequire as weftCreateRequire } from "node:module"; const require = weftCreateRequire(import.meta.url);',
  },
};
