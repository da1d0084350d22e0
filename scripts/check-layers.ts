import { isTestkit, layerOf, librariesFor, whyNot } from "./layer-rules.ts";
import { filesBelow, isMain, type Member, readMembers, root } from "./workspace.ts";

/** Fewer packages than this means that the reading went wrong, not that they are all fine. */
const leastMembers = 25;
/** Modules whose invariants deserve a property test of their own, beside the one that each package must have. */
const ownPropertyTest: readonly string[] = [
  "packages/core/src/activity.ts",
  "packages/core/src/ctx.ts",
  "packages/core/src/params.ts",
  "packages/core/src/stack.ts",
  "packages/core/src/timer-wheel.ts",
  "packages/core/src/var.ts",
  "packages/http/src/body.ts",
  "packages/http/src/headers.ts",
  "packages/naming/src/dtab.ts",
  "packages/naming/src/name-tree.ts",
  "packages/naming/src/path.ts",
];

/** What is wrong with the manifests: one line each. */
export function layerProblems(members: readonly Member[], least: number = leastMembers): readonly string[] {
  const problems: string[] = [];
  if (members.length < least) problems.push(`only ${members.length} packages were seen; there are at least ${least}`);
  const byName = new Map(members.map((each) => [each.manifest.name, each]));
  for (const member of members) {
    const { dir, group, manifest } = member;
    const layer = layerOf(member);
    const expected = group === "plugins" ? [5] : group === "apps" ? [6] : [0, 1, 2, 3, 4];
    if (layer === undefined || !expected.includes(layer)) {
      problems.push(`${dir}: weftmesh.layer is ${layer ?? "missing"}, expected ${expected.join(" or ")}`);
    }
    for (const kind of ["dependencies", "peerDependencies", "devDependencies"] as const) {
      for (const [name, range] of Object.entries(manifest[kind] ?? {})) {
        const to = byName.get(name);
        if (to === undefined) problems.push(...libraryProblems(member, kind, name, range));
        else {
          const why = whyNot(member, to, kind === "devDependencies");
          if (why !== undefined) problems.push(`${dir}: ${kind} ${name}: ${why}`);
          if (group === "plugins" && kind === "dependencies" && to.group === "packages" && !isTestkit(to)) {
            problems.push(`${dir}: ${name} must be a peer dependency, so that a build holds one copy of it`);
          }
          if (kind === "peerDependencies" && manifest.devDependencies?.[name] === undefined) {
            problems.push(`${dir}: peer ${name} is missing in devDependencies`);
          }
        }
      }
    }
  }
  return problems;
}

function libraryProblems(member: Member, kind: string, name: string, range: string): readonly string[] {
  const problems: string[] = [];
  if (name.startsWith("@weftmesh/")) return [`${member.dir}: ${kind} ${name} is no package of this workspace`];
  const allowed = librariesFor(member);
  if (kind !== "devDependencies" && allowed !== undefined && !allowed.includes(name)) {
    problems.push(`${member.dir}: ${kind} ${name}: outside libraries here are ${allowed.join(", ") || "none"}`);
  }
  if (kind !== "peerDependencies" && !/^\d+\.\d+\.\d+$/.test(range)) {
    problems.push(`${member.dir}: ${kind} ${name} is ${range}, not an exact version`);
  }
  return problems;
}

/** Packages and modules that lack a property test. */
export function missingPropertyTests(members: readonly Member[], at: string = root): readonly string[] {
  const missing: string[] = [];
  for (const { dir, group, short } of members) {
    if (group === "apps" || short === "standard") continue;
    if (filesBelow(`${dir}/test`, /\.prop\.test\.ts$/, at).length === 0) missing.push(`${dir}: no property test`);
  }
  for (const module of ownPropertyTest) {
    const test = module.replace("/src/", "/test/").replace(/\.ts$/, ".prop.test.ts");
    if (filesBelow(test.slice(0, test.lastIndexOf("/")), /\.prop\.test\.ts$/, at).includes(test)) continue;
    missing.push(`${module}: no ${test}`);
  }
  return missing;
}

if (isMain(import.meta.url)) {
  const members = readMembers();
  const problems = [...layerProblems(members), ...missingPropertyTests(members)];
  for (const problem of problems) console.error(problem);
  console.log(`layers: ${members.length} packages, ${problems.length} problems`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
