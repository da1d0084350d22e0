const parts = 1_000_000n;

/** A token bucket in whole numbers of any size. */
export class ExactBucket {
  readonly #perSecond: bigint;
  readonly #capacity: bigint;
  #used = 0n;
  #atUs: bigint;

  constructor(perSecond: number, burst: number, nowUs: number) {
    this.#perSecond = BigInt(perSecond);
    this.#capacity = BigInt(burst) * parts;
    this.#atUs = BigInt(nowUs);
  }

  waitUs(nowUs: number): number {
    const over = this.#usedAt(nowUs) + parts - this.#capacity;
    return over <= 0n ? 0 : Number((over + this.#perSecond - 1n) / this.#perSecond);
  }

  take(nowUs: number): void {
    this.#used = this.#usedAt(nowUs) + parts;
    this.#atUs = BigInt(nowUs);
  }

  #usedAt(nowUs: number): bigint {
    const left = this.#used - (BigInt(nowUs) - this.#atUs) * this.#perSecond;
    return left > 0n ? left : 0n;
  }
}
