/** The codings that are spoken here. */
export type ContentCoding = "gzip" | "deflate";

const notTaken = -1;

/**
 * The coding that a client takes by its `Accept-Encoding` fields; undefined when it takes none of ours, or would
 * rather have the content as it is. Of equals, gzip. What cannot be read counts as not taken.
 */
export function chooseCoding(accepted: readonly string[]): ContentCoding | undefined {
  let gzip = notTaken;
  let deflate = notTaken;
  let any = notTaken;
  let identity = notTaken;
  for (const value of accepted) {
    for (const item of value.split(",")) {
      const [name = "", ...params] = item.split(";");
      const weight = weightOf(params);
      switch (name.trim().toLowerCase()) {
        case "gzip":
        case "x-gzip":
          gzip = Math.max(gzip, weight);
          break;
        case "deflate":
          deflate = Math.max(deflate, weight);
          break;
        case "*":
          any = Math.max(any, weight);
          break;
        case "identity":
          identity = Math.max(identity, weight);
      }
    }
  }
  if (gzip === notTaken) gzip = any;
  if (deflate === notTaken) deflate = any;
  const best = Math.max(gzip, deflate);
  if (best <= 0 || best < identity) return undefined;
  return gzip >= deflate ? "gzip" : "deflate";
}

/** From 0 to 1, by RFC 9110 12.4.2; 0 for what is not so written. */
function weightOf(params: readonly string[]): number {
  for (const each of params) {
    const [name = "", value = ""] = each.split("=");
    if (name.trim().toLowerCase() !== "q") continue;
    return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(value.trim()) ? Number(value) : 0;
  }
  return 1;
}
