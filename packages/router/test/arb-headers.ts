import fc from "fast-check";

/** Names that a module may look at, in any case. */
const known = [
  "Via",
  "Host",
  "Connection",
  "Keep-Alive",
  "TE",
  "Trailer",
  "Transfer-Encoding",
  "Upgrade",
  "Proxy-Authorization",
  "Content-Length",
  "Forwarded",
  "x-forwarded-client-cert",
  "l5d-dtab",
  "l5d-ctx-dtab",
  "l5d-ctx-deadline",
  "l5d-ctx-trace",
  "l5d-ctx-thing",
  "l5d-sample",
  "l5d-orig-proto",
  "l5d-dst-service",
  "l5d-dst-client",
  "l5d-dst-residual",
  "l5d-reqid",
  "l5d-err",
  "dtab-local",
  "l5d",
  "xl5d-a",
];

/** A name with some of its letters in the other case. */
function anyCase(name: string): fc.Arbitrary<string> {
  return fc
    .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
    .map((upper) => [...name].map((char, i) => (upper[i] ? char.toUpperCase() : char.toLowerCase())).join(""));
}

export const arbHeaderName: fc.Arbitrary<string> = fc
  .oneof(fc.constantFrom(...known), fc.stringMatching(/^[a-z][a-z-]{0,6}$/))
  .chain(anyCase);

const arbValue: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom("close", "keep-alive, X-A", "x-a,te , l5d-dtab", "host, via", "1.1 linkerd", "a, b, c", ""),
  fc.stringMatching(/^[!-~]([ -~]{0,10}[!-~])?$/),
);

/** Names and values in turn, with repeats. */
export const arbHeaders: fc.Arbitrary<readonly string[]> = fc
  .array(fc.tuple(arbHeaderName, arbValue), { maxLength: 12 })
  .map((pairs) => pairs.flat());

/** The headers of `flat` whose lower-case name `keeps` picks, in their order. */
export function only(flat: readonly string[], keeps: (lower: string) => boolean): readonly string[] {
  const kept: string[] = [];
  for (let i = 0; i < flat.length; i += 2) {
    if (keeps((flat[i] as string).toLowerCase())) kept.push(flat[i] as string, flat[i + 1] as string);
  }
  return kept;
}

/** The values of one name, in their order. */
export function valuesOf(flat: readonly string[], lower: string): readonly string[] {
  return only(flat, (name) => name === lower).filter((_, i) => i % 2 === 1);
}
