import type { HttpRequest } from "@weftmesh/http";

/** Whether a request is for one of these paths, whatever its query. For `LoadSheddingOptions.isExempt`. */
export function httpPaths(...paths: readonly string[]): (req: unknown) => boolean {
  const known = new Set(paths);
  return (req) => {
    const { path } = req as HttpRequest;
    const query = path.indexOf("?");
    return known.has(query === -1 ? path : path.slice(0, query));
  };
}
