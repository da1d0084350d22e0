import { type BucketRate, TokenBucket } from "./token-bucket.ts";

/** Longer keys share a bucket with those that begin alike. */
const maxKeyLength = 256;

/**
 * A token bucket for each key, of which no more than `maxKeys` are kept.
 *
 * Shape: two generations. A bucket that is asked for is in the young one; each time as long as a refill takes has
 * passed, the old one is let go of and the young one becomes the old. So whatever goes has not been asked for that long
 * and is as good as new: forgetting a key never gives it a request that it did not have. Keys for which there is no
 * room share one bucket, and one that gets a bucket of its own later begins with what that one has given out: no key
 * ever gets more than its rate, whatever others do, but those without room may get less. There is no room only while
 * more than `maxKeys` different keys have come within two refills.
 * Cost: a look-up in a map, two for a key of the old generation; forgetting costs nothing per key.
 */
export class KeyedBuckets {
  readonly #rate: BucketRate;
  readonly #maxKeys: number;
  #young: Map<string, TokenBucket> = new Map();
  #old: Map<string, TokenBucket> = new Map();
  /** When the generations changed last. */
  #turnUs: number;
  /** Of all calls without a key. */
  readonly #nobody: TokenBucket;
  readonly #overflow: TokenBucket;
  /** Told of each call for which there was no room. */
  readonly #overflowed: () => void;

  constructor(rate: BucketRate, maxKeys: number, nowUs: number, overflowed: () => void) {
    if (!Number.isInteger(maxKeys) || maxKeys < 1) {
      throw new RangeError(`rateLimit: maxKeys must be a whole number above 0, not ${maxKeys}`);
    }
    this.#rate = rate;
    this.#maxKeys = maxKeys;
    this.#turnUs = nowUs;
    this.#nobody = new TokenBucket(rate, nowUs);
    this.#overflow = new TokenBucket(rate, nowUs);
    this.#overflowed = overflowed;
  }

  /** Keys that have a bucket. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: string | undefined, nowUs: number): TokenBucket {
    if (key === undefined) return this.#nobody;
    if (nowUs - this.#turnUs >= this.#rate.refillUs) this.#turn(nowUs);
    const text = key.length > maxKeyLength ? key.slice(0, maxKeyLength) : key;
    const known = this.#young.get(text);
    if (known !== undefined) return known;
    const old = this.#old.get(text);
    if (old !== undefined) {
      this.#old.delete(text);
      this.#young.set(text, old);
      return old;
    }
    if (this.size >= this.#maxKeys) {
      this.#overflowed();
      return this.#overflow;
    }
    const bucket = new TokenBucket(this.#rate, nowUs, this.#overflow.usedAt(nowUs));
    this.#young.set(detached(text), bucket);
    return bucket;
  }

  #turn(nowUs: number): void {
    // The young ones were asked for before a refill from the last turn on, so after two they may go as well.
    this.#old = nowUs - this.#turnUs >= 2 * this.#rate.refillUs ? new Map() : this.#young;
    this.#young = new Map();
    this.#turnUs = nowUs;
  }
}

/** The same text in memory of its own: a piece of a header would keep all headers of its request. */
function detached(text: string): string {
  return Buffer.from(text, "utf16le").toString("utf16le");
}
