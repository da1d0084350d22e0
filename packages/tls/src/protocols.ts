import type { SecureVersion } from "node:tls";
import { TlsSettingError } from "./errors.ts";

/** What is older can be broken, and is refused whoever asks for it. */
const versions: readonly SecureVersion[] = ["TLSv1.2", "TLSv1.3"];

export interface VersionRange {
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
}

/** The range of versions that a list of them spans; 1.2 and up when none is given. Errors: TlsSettingError. */
export function versionRange(names: readonly string[] | undefined, key = "protocols"): VersionRange {
  const given = names ?? versions;
  for (const name of given) {
    if (!versions.includes(name as SecureVersion)) {
      throw new TlsSettingError(key, `${name} is none of ${versions.join(", ")}`);
    }
  }
  const chosen = versions.filter((version) => given.includes(version));
  const [minVersion] = chosen;
  const maxVersion = chosen.at(-1);
  if (minVersion === undefined || maxVersion === undefined) throw new TlsSettingError(key, "the list is empty");
  return { minVersion, maxVersion };
}
