/** A ratio for people: whole percent, or as many digits as tell it from its neighbours. */
export function showRate(rate: number): string {
  return `${Number((rate * 100).toFixed(2))} %`;
}
