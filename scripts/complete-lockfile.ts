import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMain, root } from "./workspace.ts";

export interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

type Packages = Readonly<Record<string, LockedPackage>>;

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const aliases: Readonly<Record<string, string>> = { windows: "win32" };
const processors: Readonly<Record<string, string>> = {
  "64": "x64",
  arm: "arm",
  arm64: "arm64",
  ia32: "ia32",
  loong64: "loong64",
  ppc64: "ppc64",
  riscv64: "riscv64",
  s390x: "s390x",
  x64: "x64",
};

/**
 * Programs for other platforms that the lockfile's packages may have and that it does not hold itself.
 *
 * A registry that has a package and not yet its builds for other systems makes `npm install` leave those out, and then
 * `npm ci` finds the lockfile incomplete everywhere. An entry with a version and the platform is enough for it.
 */
export function missingPlatforms(packages: Packages): ReadonlyMap<string, LockedPackage> {
  const missing = new Map<string, LockedPackage>();
  for (const [path, { dev, optionalDependencies }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies ?? {})) {
      const entry = `node_modules/${name}`;
      if (packages[`${path}/${entry}`] !== undefined || packages[entry] !== undefined) continue;
      if (!/^\d+\.\d+\.\d+$/.test(version))
        throw new Error(`${path} may have ${name} ${version}: not an exact version`);
      missing.set(entry, { version, ...platformOf(name), ...(dev === true ? { dev } : {}), optional: true });
    }
  }
  return missing;
}

/** As it stands in names such as `binding-linux-arm64-musl`. */
function platformOf(name: string): Pick<LockedPackage, "os" | "cpu" | "libc"> {
  const words = name.split(/[/-]/).map((each) => aliases[each] ?? each);
  const os = words.find((each) => systems.includes(each));
  const cpu = words.slice(words.indexOf(os ?? "") + 1).find((each) => processors[each] !== undefined);
  if (os === undefined || cpu === undefined) throw new Error(`${name} does not say for which platform it is`);
  const libc = words.some((each) => each.startsWith("musl"))
    ? "musl"
    : words.some((each) => each.startsWith("gnu"))
      ? "glibc"
      : undefined;
  return {
    cpu: [processors[cpu] ?? cpu],
    os: [os],
    ...(os === "linux" && libc !== undefined ? { libc: [libc] } : {}),
  };
}

if (isMain(import.meta.url)) {
  const file = join(root, "package-lock.json");
  const lock = JSON.parse(readFileSync(file, "utf8")) as { packages: Packages };
  const missing = missingPlatforms(lock.packages);
  const entries = [...Object.entries(lock.packages), ...missing];
  lock.packages = Object.fromEntries(entries.sort(([a], [b]) => a.localeCompare(b, "en")));
  if (missing.size > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`package-lock.json: ${missing.size} packages for other platforms were added`);
}
