/** Errors: RangeError unless it is a finite number of at least 0. */
export function checkMs(name: string, ms: number): void {
  if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY)) throw new RangeError(`${name} must be a number from 0, not ${ms}`);
}

/** Errors: RangeError unless both are such numbers and the first is not above the second. */
export function checkRange(minName: string, minMs: number, maxName: string, maxMs: number): void {
  checkMs(minName, minMs);
  checkMs(maxName, maxMs);
  if (minMs > maxMs) throw new RangeError(`${maxName} must be at least ${minName}: ${maxMs} is below ${minMs}`);
}
