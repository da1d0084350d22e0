import type { Indexing } from "@weftmesh/http";
import fc from "fast-check";

export interface Row {
  readonly name: string;
  readonly value: string;
  readonly indexing: Indexing;
}

/** Names of the static table, names that repeat, and any other token in lower case. */
export const arbName: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(":path", ":status", ":method", "cookie", "accept-encoding", "date", "via") },
  { weight: 2, arbitrary: fc.constantFrom("x-a", "x-b", "x-request-id", "grpc-timeout", "l5d-dst-service") },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.constantFrom(..."abcxyz0189-_.!~"), { minLength: 1, maxLength: 80 })
      .map((chars) => chars.join("")),
  },
);

/** Few values that come again, and any other text in latin1; now and then a long one. */
export const arbValue: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("", "/", "200", "GET", "gzip, deflate", "a", "b", "0123456789abcdefghijk") },
  {
    weight: 2,
    arbitrary: fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)), maxLength: 60 }),
  },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(..."abc019 ;=/"), minLength: 100, maxLength: 1_500 }) },
);

export const arbIndexing: fc.Arbitrary<Indexing> = fc.constantFrom(0, 1, 1, 1, 2, 3);

export const arbRow: fc.Arbitrary<Row> = fc.record({ name: arbName, value: arbValue, indexing: arbIndexing });

/** What may happen between two blocks, and a block. */
export type Step =
  | { readonly kind: "table"; readonly bytes: number }
  | { readonly kind: "block"; readonly rows: readonly Row[] };

export const arbSteps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("table" as const),
        bytes: fc.oneof(fc.constantFrom(0, 33, 64, 4_096), fc.integer({ min: 0, max: 8_192 })),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constant("block" as const), rows: fc.array(arbRow, { maxLength: 12 }) }),
    },
  ),
  { maxLength: 30 },
);
