const idempotent = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"]);

/** Whether doing it twice is the same as doing it once (RFC 9110 section 9.2.2). */
export function isIdempotent(method: string): boolean {
  return idempotent.has(method);
}
