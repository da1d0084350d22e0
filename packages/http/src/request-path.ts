/** The elements of a request target's path, up to its query or fragment; `//` makes an empty one, `/` makes none. */
export function pathSegments(target: string): string[] {
  const path = target.slice(0, pathEnd(target));
  const trimmed = path.startsWith("/") ? path.slice(1) : path;
  if (trimmed === "") return [];
  const segments = trimmed.split("/");
  // A trailing slash ends the last element; it does not begin another.
  if (segments[segments.length - 1] === "") segments.pop();
  return segments;
}

/** Where the path ends and the query or fragment begins. */
export function pathEnd(target: string): number {
  for (let i = 0; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code === 63 || code === 35) return i;
  }
  return target.length;
}

/** The target without its first `count` elements; what stands behind the path, and a trailing slash, are kept. */
export function dropSegments(target: string, count: number): string {
  const end = pathEnd(target);
  let at = 0;
  for (let left = count; left > 0; left--) {
    const next = target.indexOf("/", at + 1);
    if (next < 0 || next >= end) return `/${target.slice(end)}`;
    at = next;
  }
  return target.slice(at);
}
