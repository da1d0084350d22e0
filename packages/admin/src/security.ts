/** Matches a whole path. One from a config must do so in linear time, as `LinearRegex` of `@weftmesh/config` does. */
export interface PathPattern {
  matches(path: string): boolean;
}

/** Which pages answer. */
export interface AdminSecurity {
  /** Pages for people; true when not given. */
  readonly uiEnabled?: boolean;
  /** What changes the process; true when not given. */
  readonly controlEnabled?: boolean;
  /** Everything else; true when not given. */
  readonly diagnosticsEnabled?: boolean;
  /** Paths that answer whatever the flags say. */
  readonly pathWhitelist?: readonly PathPattern[];
  /** Paths that never answer. */
  readonly pathBlacklist?: readonly PathPattern[];
}

const uiPaths: ReadonlySet<string> = new Set([
  "/",
  "/config.json",
  "/metrics.json",
  "/admin/metrics.json",
  "/admin/metrics",
  "/delegator",
  "/delegator.json",
  "/logging",
  "/help",
]);
const uiPrefixes: readonly string[] = ["/files/", "/admin/files/"];
const controlPaths: ReadonlySet<string> = new Set(["/admin/shutdown", "/admin/reload", "/logging.json"]);

export type AdminCategory = "ui" | "control" | "diagnostics";

/** Source: the categories of Linkerd 1's SecurityFilter. */
export function categoryOf(path: string): AdminCategory {
  if (uiPaths.has(path) || uiPrefixes.some((prefix) => path.startsWith(prefix))) return "ui";
  return controlPaths.has(path) ? "control" : "diagnostics";
}

/** Whether a canonical path may be answered. The blacklist wins over everything, then the whitelist. */
export function allows(security: AdminSecurity, path: string): boolean {
  if (security.pathBlacklist?.some((pattern) => pattern.matches(path))) return false;
  const enabled = {
    ui: security.uiEnabled,
    control: security.controlEnabled,
    diagnostics: security.diagnosticsEnabled,
  }[categoryOf(path)];
  return enabled !== false || (security.pathWhitelist?.some((pattern) => pattern.matches(path)) ?? false);
}
