import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Options } from "tsup";

const require = createRequire(import.meta.url);

type Plugin = NonNullable<Options["esbuildPlugins"]>[number];

/** For Node, these offer their CommonJS form alone, of which nothing can be left out; their ES modules hold the same code. */
const asModules: Readonly<Record<string, string>> = { rxjs: "dist/esm/index.js", yaml: "browser/dist/index.js" };

const modules: Plugin = {
  name: "as-modules",
  setup(build) {
    for (const [name, file] of Object.entries(asModules)) {
      const path = join(dirname(require.resolve(`${name}/package.json`)), file);
      build.onResolve({ filter: new RegExp(`^${name}$`) }, () => ({ path, sideEffects: false }));
    }
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

/**
 * What stands in files of its own beside the program's, with all that it shares with it. Node compiles one file after
 * the other, and the memory that the longest takes meanwhile stays with the process: in one file it was 6 MB more.
 * More files than these save nothing.
 */
const parts: Readonly<Record<string, string>> = Object.fromEntries(
  ["config/src/read-config", "config/src/read-yaml", "transport-http1/src/index"].map((file) => [
    `parts/${file.replace("/src/", "-")}`,
    `../../packages/${file}.ts`,
  ]),
);

/** A program is bundled with all that it needs: that halves the time and the memory of its start. */
export const program: Options & { readonly entry: Readonly<Record<string, string>> } = {
  entry: { main: "src/main.ts", ...parts },
  format: ["esm"],
  target: "node20",
  platform: "node",
  minify: true,
  splitting: true,
  clean: true,
  noExternal: [/.*/],
  esbuildPlugins: [modules, oneLanguage],
  esbuildOptions(options) {
    options.conditions = ["@weftmesh/source"];
  },
  banner: {
    // Some libraries are CommonJS inside and ask for built-in modules by `require`.
    js: 'import { createRequire as weftCreateRequire } from "node:module"; const require = weftCreateRequire(import.meta.url);',
  },
};
