import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type LockedPackage, missingPlatforms } from "../complete-lockfile.ts";
import { published, readMembers, root } from "../workspace.ts";

interface Locked extends LockedPackage {
  readonly resolved?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
}

const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
  readonly lockfileVersion: number;
  readonly packages: Readonly<Record<string, Locked>>;
};
const members = readMembers();
const outside = Object.entries(lock.packages).filter(([path, each]) => path.includes("node_modules/") && !each.link);
const runtime = outside.filter(([path]) => installedWithUs().has(path));

/** True for a program that CI and the image never run. */
function isForAnother({ os, cpu, libc, optional }: LockedPackage): boolean {
  const ours = os?.includes("linux") && cpu?.includes("x64") && libc?.includes("musl") !== true;
  return optional === true && os !== undefined && ours !== true;
}

/** Lockfile paths of all that the published packages need at run time; the testkit's peers are tools. */
function installedWithUs(): ReadonlySet<string> {
  const seen = new Set<string>();
  const walk = (from: string, names: Iterable<string>): void => {
    for (const name of names) {
      const path = locate(from, name);
      if (path === undefined || seen.has(path)) continue;
      seen.add(path);
      const found = lock.packages[path];
      walk(path, Object.keys({ ...found?.dependencies, ...found?.optionalDependencies }));
    }
  };
  for (const { dir, manifest } of members) walk(dir, Object.keys(manifest.dependencies ?? {}));
  return seen;
}

/** Where node finds the package: in the nearest `node_modules` upwards. */
function locate(from: string, name: string): string | undefined {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) {
    const path = `${at === "" ? "" : `${at}/`}node_modules/${name}`;
    if (lock.packages[path] !== undefined) return path;
    if (at === "") return undefined;
  }
}

const licences = ["Apache-2.0", "MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "0BSD"];
/** Tools that never leave a developer's machine may also have one of these. */
const toolLicences = [
  ...licences,
  "BlueOak-1.0.0",
  "CC-BY-3.0",
  "CC-BY-4.0",
  "CC0-1.0",
  "MPL-2.0",
  "Python-2.0",
  "Unlicense",
];

/** Packages whose manifest names no licence; their licence file was read instead. */
const readByHand: Readonly<Record<string, string>> = { "node_modules/spawndamnit": "MIT" };

/** True when every licence of an `A AND B`, or any of an `A OR B`, is in the list. */
function allowed(expression: string | undefined, list: readonly string[]): boolean {
  if (expression === undefined) return false;
  const alternatives = expression.replace(/[()]/g, "").split(" OR ");
  return alternatives.some((each) => each.split(" AND ").every((one) => list.includes(one.trim())));
}

describe("the lockfile", () => {
  it("is there and knows the tree", () => {
    expect(lock.lockfileVersion).toBe(3);
    expect(outside.length).toBeGreaterThan(100);
    expect(runtime.length).toBeGreaterThan(3);
    for (const { dir } of members) expect(lock.packages).toHaveProperty([dir]);
  });

  it("has a hash for every package that comes from a registry, save tools for other platforms", () => {
    const bare = outside.filter(([, each]) => !/^sha512-/.test(each.integrity ?? ""));
    const here = bare.filter(([path, each]) => runtime.some(([other]) => other === path) || !isForAnother(each));
    expect(here.map(([path]) => path)).toEqual([]);
  });

  it("holds the programs for every platform, or npm ci would refuse it: node --import tsx scripts/complete-lockfile.ts", () => {
    expect([...missingPlatforms(lock.packages).keys()]).toEqual([]);
  });

  it("would be found out when it does not", () => {
    const packages = {
      "node_modules/a": {
        dev: true,
        optionalDependencies: { "@a/linux-arm64-musl": "1.2.3", "@a/windows-64": "1.2.3", b: "1.0.0" },
      },
      "node_modules/a/node_modules/b": {},
    };
    expect([...missingPlatforms(packages)]).toEqual([
      [
        "node_modules/@a/linux-arm64-musl",
        { version: "1.2.3", cpu: ["arm64"], os: ["linux"], libc: ["musl"], dev: true, optional: true },
      ],
      ["node_modules/@a/windows-64", { version: "1.2.3", cpu: ["x64"], os: ["win32"], dev: true, optional: true }],
    ]);
  });

  it("takes every package from the registry: nothing from git, a file or another address", () => {
    const registry = "https://registry.npmjs.org/";
    const elsewhere = outside.filter(([, each]) => each.resolved?.startsWith(registry) === false);
    expect(elsewhere.map(([path, each]) => `${path} from ${each.resolved}`)).toEqual([]);
  });
});

/** Comes with grpc-js. Its script says how a version that depends on it should be written, and does nothing else. */
const harmlessScripts: readonly string[] = ["node_modules/protobufjs"];

describe("what is installed with us", () => {
  it("runs no install script that does anything", () => {
    const scripted = runtime.filter(([, each]) => each.hasInstallScript === true).map(([path]) => path);
    expect(scripted.filter((path) => !harmlessScripts.includes(path))).toEqual([]);
  });

  it("has a licence of the allow-list", () => {
    const odd = runtime.filter(([, each]) => !allowed(each.license, licences));
    expect(odd.map(([path, each]) => `${path}: ${each.license}`)).toEqual([]);
  });

  it("is pinned by our manifests", () => {
    const loose = members.flatMap(({ dir, manifest }) =>
      Object.entries(manifest.dependencies ?? {})
        .filter(([name, range]) => !name.startsWith("@weftmesh/") && !/^\d+\.\d+\.\d+$/.test(range))
        .map(([name, range]) => `${dir}: ${name} ${range}`),
    );
    expect(loose).toEqual([]);
  });
});

describe("our tools", () => {
  it("have a licence that a tool may have", () => {
    const odd = outside.filter(
      ([path, each]) => !allowed(readByHand[path] ?? each.license, toolLicences) && each.integrity !== undefined,
    );
    expect(odd.map(([path, each]) => `${path}: ${each.license}`)).toEqual([]);
  });
});

describe("a licence expression", () => {
  it.each([
    ["MIT", true],
    ["(MIT OR GPL-3.0)", true],
    ["MIT AND GPL-3.0", false],
    ["GPL-3.0", false],
    [undefined, false],
  ])("%s: %s", (expression, expected) => {
    expect(allowed(expression, licences)).toBe(expected);
  });
});

describe("the packages that we publish", () => {
  const packages = published(members);
  const packed = new Map(
    (
      JSON.parse(
        execFileSync(
          "npm",
          ["pack", "--dry-run", "--json", "--ignore-scripts", ...packages.flatMap((each) => ["-w", each.dir])],
          {
            cwd: root,
            encoding: "utf8",
            stdio: ["ignore", "pipe", "ignore"],
            maxBuffer: 64 * 1024 * 1024,
          },
        ),
      ) as readonly { readonly name: string; readonly files: readonly { readonly path: string }[] }[]
    ).map((each) => [each.name, each.files.map((file) => file.path)]),
  );

  it.each(packages.map((each) => [each.manifest.name, each] as const))(
    "%s holds its sources and nothing else",
    (name, member) => {
      const paths = packed.get(name) ?? [];
      expect(paths).toContain("package.json");
      const strange = paths.filter(
        (path) =>
          !/^(package\.json|README\.md|LICENSE|NOTICE|CHANGELOG\.md|(dist|src)\/.+\.(ts|js|map|json))$/.test(path),
      );
      expect(strange).toEqual([]);
      expect(paths.filter((path) => /\.(test|bench)\.ts$/.test(path))).toEqual([]);
      expect(member.manifest).toMatchObject({ license: "Apache-2.0", type: "module", engines: { node: ">=20.19" } });
      expect(member.manifest.files).toEqual(["dist", "src"]);
      const hooks = Object.keys(member.manifest.scripts ?? {}).filter((each) =>
        /^(pre|post)?(install|prepare|pack)/.test(each),
      );
      expect(hooks).toEqual([]);
    },
  );
});

describe("the tree", () => {
  it("holds no key material", () => {
    const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      cwd: root,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
    });
    const files = [...new Set(listed.split("\0").filter(Boolean))];
    expect(files.length).toBeGreaterThan(100);
    // Put together at run time, so that this file is not its own finding.
    const secrets = [
      new RegExp(`-----BEGIN ${"[A-Z0-9 ]*"}PRIVATE KEY`),
      new RegExp(`-----BEGIN ${"CERTIFICATE"}-----\\s+[A-Za-z0-9+/]{40}`),
      /\bAKIA[0-9A-Z]{16}\b/,
      /\bgh[pousr]_[A-Za-z0-9]{36}\b/,
      /\bnpm_[A-Za-z0-9]{36}\b/,
      /\bxox[abpr]-[0-9A-Za-z-]{20,}/,
    ];
    const named = files.filter((file) =>
      /\.(pem|key|crt|cer|p12|pfx|jks|keystore)$|(^|\/)(id_rsa|id_ed25519|\.npmrc|\.env)$/.test(file),
    );
    expect(named).toEqual([]);
    const found = files.filter((file) => {
      const text = readIfThere(join(root, file));
      return secrets.some((secret) => secret.test(text));
    });
    expect(found).toEqual([]);
  });
});

/** A file may go away between the listing and the reading. */
function readIfThere(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
