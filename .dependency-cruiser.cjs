// The rules are made by scripts/import-rules.ts from the manifests and the layer rules that scripts/check-layers.ts
// reads too. Run it through `npm run imports`, which also asserts that every module was seen.
require("tsx/cjs");
const { importRules } = require("./scripts/import-rules.ts");
const { readMembers } = require("./scripts/workspace.ts");

module.exports = {
  forbidden: importRules(readMembers()),
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)(dist|coverage)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.base.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["@weftmesh/source", "import", "node", "types", "default"],
      mainFields: ["module", "main", "types", "typings"],
    },
  },
};
