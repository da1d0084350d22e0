/** Characters that have no need to be encoded in a path, and so must not hide behind an encoding. */
const plain = /%(?:2[dDeEfF]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aAeE])/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in a path
const unsafe = /\/\/|\/\.{1,2}(?:\/|$)|[\\\u0000-\u001f\u007f]/;

/**
 * The decoded path, or undefined when it is not in the one form in which each path can be written.
 *
 * Shape: what guards a path and what serves it then see the same text: `//admin/shutdown`, `/admin/./shutdown` and
 * `/%61dmin/shutdown` are paths that nobody has.
 */
export function canonicalPath(raw: string): string | undefined {
  if (!raw.startsWith("/") || plain.test(raw)) return undefined;
  let path: string;
  try {
    path = decodeURIComponent(raw);
  } catch {
    return undefined;
  }
  return unsafe.test(path) ? undefined : path;
}
