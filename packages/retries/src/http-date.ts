const time = "\\d\\d:\\d\\d:\\d\\d";
/** The three forms of RFC 9110 section 5.6.7: of today, of RFC 850, and of C's asctime, which does not say that it is GMT. */
const withZone: RegExp = new RegExp(
  `^(?:[A-Z][a-z]{2}, \\d\\d [A-Z][a-z]{2} \\d{4}|[A-Z][a-z]{5,8}, \\d\\d-[A-Z][a-z]{2}-\\d\\d) ${time} GMT$`,
);
const withoutZone: RegExp = new RegExp(`^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \\d]\\d ${time} \\d{4}$`);

/** A date as HTTP writes it, in ms since 1970; NaN for any other text. */
export function httpDateMs(text: string): number {
  // biome-ignore-start lint/style/noRestrictedGlobals: reads a text, and no clock
  if (withZone.test(text)) return Date.parse(text);
  if (withoutZone.test(text)) return Date.parse(`${text} GMT`);
  // biome-ignore-end lint/style/noRestrictedGlobals: as above
  return Number.NaN;
}
