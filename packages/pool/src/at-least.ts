/** The value itself. Errors: RangeError when it is less, or no number. */
export function atLeast(least: number, name: string, value: number): number {
  if (value >= least) return value;
  throw new RangeError(`${name} of a pool must be at least ${least}, not ${value}`);
}
