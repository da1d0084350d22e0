const secretKey =
  /(?:^|[a-z])(?:password|passwd|passphrase|secret|token|credentials?|authorization|apikey|privatekey)s?$/i;
/** Also a list of such: `tokens: [a, b]`. */
function isText(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0 && value.every(isText);
  return typeof value === "string" || typeof value === "number";
}

const userInfo = /\b([a-z][a-z0-9+.-]*:\/\/)[^/@\s]+@/gi;

/** What stands in place of a secret. */
export const redacted = "***";

/**
 * A copy of a config without what is a secret by its key, and without user names and passwords in URLs.
 *
 * Shape: a second line of defence; the schema's own secrets should not be in the config that is given.
 */
export function redact(value: unknown): unknown {
  if (typeof value === "string") return value.replace(userInfo, `$1${redacted}@`);
  if (Array.isArray(value)) return value.map(redact);
  if (typeof value !== "object" || value === null) return value;
  const toJson: unknown = Reflect.get(value, "toJSON");
  if (typeof toJson === "function") return redact(Reflect.apply(toJson, value, []));
  const entries = Object.entries(value).map(([key, each]): [string, unknown] => [
    key,
    secretKey.test(key) && isText(each) ? redacted : redact(each),
  ]);
  // fromEntries defines properties, so that a key named __proto__ is only a key.
  return Object.fromEntries(entries);
}
