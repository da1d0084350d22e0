import type { IForbiddenRuleType } from "dependency-cruiser";
import { isTestkit, whyNot } from "./layer-rules.ts";
import type { Manifest, Member } from "./workspace.ts";

const members = "^(packages|plugins|apps)/";
const tests = "^(packages|plugins|apps)/[^/]+/(test|e2e|integration|bench)/";
/** Declared once, at the root, for the tests of every package. */
const rootTools: readonly string[] = ["fast-check", "vitest"];

/** The rules of the layers for imports, made from the manifests, so that no list has to be kept by hand. */
export function importRules(all: readonly Member[]): IForbiddenRuleType[] {
  return [noDeepImport(all), ...general, ...all.flatMap((member) => rulesOf(member, all))];
}

/** A package is seen through what its manifest exports. */
function noDeepImport(all: readonly Member[]): IForbiddenRuleType {
  const doors = all.flatMap(({ dir, manifest }) =>
    Object.values(manifest.exports ?? {}).map((each) => `^${dir}/${each["@weftmesh/source"]?.slice(2)}$`),
  );
  return {
    name: "no-deep-import",
    comment: "a package is seen through its exports alone",
    severity: "error",
    from: { path: "^(packages|plugins|apps)/([^/]+)/" },
    to: { path: `${members}[^/]+/`, pathNot: ["^$1/$2/", ...doors] },
  };
}

const general: readonly IForbiddenRuleType[] = [
  {
    name: "no-cycle",
    comment: "two files that need each other are one idea",
    severity: "error",
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
  },
  {
    name: "no-dist",
    comment: "sources import sources; built files come and go",
    severity: "error",
    from: { path: members },
    to: { path: `${members}[^/]+/dist/` },
  },
  {
    name: "undeclared-library",
    comment: "the manifest names what the code imports",
    severity: "error",
    from: { path: members, pathNot: tests },
    to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"] },
  },
  {
    name: "undeclared-library-of-tests",
    comment: "the manifest, or the root's, names what the tests import",
    severity: "error",
    from: { path: tests },
    to: {
      dependencyTypes: ["npm-no-pkg", "npm-unknown"],
      pathNot: rootTools.map((name) => `node_modules/${name}/`),
    },
  },
  {
    name: "library-of-tests-in-src",
    comment: "what the sources import is installed with them",
    severity: "error",
    from: { path: "^(packages|plugins)/[^/]+/src/" },
    to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["npm", "npm-peer", "type-only"] },
  },
  {
    name: "not-resolved",
    comment: "an import that leads nowhere is seen by no other rule",
    severity: "error",
    from: { path: members },
    to: { couldNotResolve: true },
  },
];

function rulesOf(member: Member, all: readonly Member[]): IForbiddenRuleType[] {
  const { dir, manifest, short } = member;
  const others = all.filter((each) => each !== member);
  const sources = `^${dir}/(?!(test|e2e|integration|bench)/)`;
  const tests = `^${dir}/(test|e2e|integration|bench)/`;
  const rules: IForbiddenRuleType[] = [
    {
      name: `undeclared-by-${short}`,
      comment: "the manifest names every package that the sources import",
      severity: "error",
      from: { path: sources },
      to: { path: members, pathNot: [`^${dir}/`, ...declared(manifest, others, false)] },
    },
    {
      name: `undeclared-by-tests-of-${short}`,
      comment: "the manifest names every package that the tests import",
      severity: "error",
      from: { path: tests },
      to: { path: members, pathNot: [`^${dir}/`, ...declared(manifest, others, true)] },
    },
  ];
  const forbidden = others.filter((each) => whyNot(member, each, false) !== undefined);
  const forbiddenInTests = forbidden.filter((each) => !isTestkit(each));
  for (const [name, path, list] of [
    [`layer-of-${short}`, sources, forbidden],
    [`layer-of-tests-of-${short}`, tests, forbiddenInTests],
  ] as const) {
    if (list.length === 0) continue;
    const comment = "lower layers only: docs/architecture.md";
    rules.push({ name, comment, severity: "error", from: { path }, to: { path: list.map((each) => `^${each.dir}/`) } });
  }
  return rules;
}

function declared(manifest: Manifest, others: readonly Member[], inTests: boolean): readonly string[] {
  const { dependencies, peerDependencies, devDependencies } = manifest;
  const names = { ...dependencies, ...peerDependencies, ...(inTests ? devDependencies : {}) };
  return others.filter((each) => names[each.manifest.name] !== undefined).map((each) => `^${each.dir}/`);
}
