/** From the finest: the letter, and how many of it make `ms` milliseconds. */
const units = [
  { letter: "n", per: 1_000_000, ms: 1 },
  { letter: "u", per: 1000, ms: 1 },
  { letter: "m", per: 1, ms: 1 },
  { letter: "S", per: 1, ms: 1000 },
  { letter: "M", per: 1, ms: 60_000 },
  { letter: "H", per: 1, ms: 3_600_000 },
] as const;

/** The wire has room for eight digits. */
const maxCount = 99_999_999;
const maxDigits = 8;

/** Reads the value of `grpc-timeout`, such as `250m`, in ms. What is anything else is no timeout, and no error. */
export function readGrpcTimeout(text: string): number | undefined {
  const digits = text.length - 1;
  if (digits < 1 || digits > maxDigits) return undefined;
  let count = 0;
  for (let i = 0; i < digits; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    count = count * 10 + digit;
  }
  const letter = text[digits];
  for (const unit of units) if (unit.letter === letter) return (count * unit.ms) / unit.per;
  return undefined;
}

/**
 * Writes what is left of a deadline, in ms, as the value of `grpc-timeout`, in the finest unit that has room for it.
 *
 * Shape: never more than is left, so that a deadline grows no later on its way; but at least `1n`, since the wire has no
 * zero. Undefined, which means no header, for `Infinity` and NaN.
 */
export function showGrpcTimeout(leftMs: number): string | undefined {
  if (!(leftMs < Number.POSITIVE_INFINITY)) return undefined;
  for (const { letter, per, ms } of units) {
    let count = Math.round((leftMs * per) / ms);
    // The nearest count tells whether this one is too much without the error that rounding down would bring.
    if ((count * ms) / per > leftMs) count--;
    if (count <= maxCount) return `${Math.max(count, letter === "n" ? 1 : count)}${letter}`;
  }
  return `${maxCount}H`;
}
