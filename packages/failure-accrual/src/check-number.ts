/** Errors: RangeError unless it is a whole number of at least 0. */
export function wholeNumber(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${name} must be a whole number, not ${value}`);
}

/** Errors: RangeError unless it is finite and above 0. */
export function aboveZero(name: string, value: number): void {
  if (!Number.isFinite(value) || value <= 0) throw new RangeError(`${name} must be above 0 and finite, not ${value}`);
}

/** Errors: RangeError unless it is from 0 to `most`. */
export function upTo(name: string, value: number, most: number): void {
  if (!(value >= 0 && value <= most)) throw new RangeError(`${name} must be from 0 to ${most}, not ${value}`);
}
