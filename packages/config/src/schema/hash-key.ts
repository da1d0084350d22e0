import * as z from "zod";
import { oneOrMany } from "../plugin-position.ts";
import { Count, decimal, Flag, integer, PositiveCount, TextType } from "../types.ts";

/** What of a request decides which endpoint it goes to. One of the keys is there. */
export interface HashKeyConfig {
  readonly header?: string | undefined;
  readonly cookie?: string | undefined;
  /** Which segment of the path, from 0. */
  readonly pathSegment?: number | undefined;
  /** How many segments of the path. */
  readonly pathPrefix?: number | undefined;
  readonly path?: boolean | undefined;
  readonly clientAddress?: boolean | undefined;
}

const keys = ["header", "cookie", "pathSegment", "pathPrefix", "path", "clientAddress"] as const;

const one = (): z.ZodType<HashKeyConfig> =>
  z
    .strictObject({
      header: TextType.optional().describe("The value of a header"),
      cookie: TextType.optional().describe("The value of a cookie"),
      pathSegment: Count.optional().describe("One segment of the path, counted from 0"),
      pathPrefix: PositiveCount.optional().describe("So many segments of the path"),
      path: Flag.optional().describe("The whole path, without its query"),
      clientAddress: Flag.optional().describe("The address of whoever sent the request"),
    })
    .refine((key) => keys.filter((each) => key[each] !== undefined && key[each] !== false).length === 1, {
      message: `${keys.join(", ")} exclude each other, and one of them says what is hashed`,
    });

/** Keys of the kinds that hash; of a list of keys the first that a request has counts. */
export function hashKeys(): {
  readonly key: z.ZodType<readonly HashKeyConfig[]>;
  readonly maxEffort: z.ZodType<number>;
  readonly loadFactor: z.ZodType<number | undefined>;
} {
  return {
    key: oneOrMany(one()).describe("What of a request decides where it goes"),
    maxEffort: PositiveCount.default(32).describe("Endpoints that are tried until one is open"),
    loadFactor: decimal(1.01, 1000, "a number from 1.01 to 1000", 1.25)
      .optional()
      .describe("Times its fair share of the load that an endpoint may have before the next one is asked"),
  };
}

/** Places of a Maglev table. */
export function tableSize(): z.ZodType<number> {
  return integer(3, 5_000_011, "a prime number up to 5000011", 65_537)
    .refine(isPrime, { message: "tableSize is no prime number" })
    .default(65_537)
    .describe("Places of the table");
}

function isPrime(n: number): boolean {
  for (let i = 2; i * i <= n; i++) if (n % i === 0) return false;
  return n > 1;
}
