/** Types beside `text/*` that are text: what Finagle takes for it. */
const textual = new Set([
  "application/atom+xml",
  "application/javascript",
  "application/json",
  "application/rss+xml",
  "application/x-javascript",
  "application/xhtml+xml",
  "application/xml",
  "image/svg+xml",
]);

/** True for a `Content-Type` whose content is text, whatever its parameters. */
export function isTextual(contentType: string): boolean {
  const end = contentType.indexOf(";");
  const type = (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
  return type.startsWith("text/") || textual.has(type);
}
