import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  combineDeadlines,
  deadlineOfMs,
  decodeDeadline,
  encodeDeadline,
  readDeadline,
  remainingMs,
  showDeadline,
  showDeadlineOfMs,
  type WireDeadline,
} from "../src/index.ts";

const maxNs = 2n ** 63n - 1n;
const arbNs = fc.oneof(fc.bigInt(0n, maxNs), fc.bigInt(maxNs - 2n, maxNs), fc.bigInt(0n, 2n));
const arbDeadline: fc.Arbitrary<WireDeadline> = fc.record({ timestampNs: arbNs, deadlineNs: arbNs });

describe("a deadline on the wire", () => {
  it("11.12.4: comes back from its text as it was", () => {
    fc.assert(
      fc.property(arbDeadline, fc.constantFrom("", " ", "\t "), (each, around) => {
        expect(readDeadline(around + showDeadline(each) + around)).toEqual(each);
      }),
    );
  });

  it("11.12.4: has the same text from ms, whether it takes a bigint or not", () => {
    const sane = fc.double({ min: -1e15, max: 1e15, noNaN: true });
    const arbMs = fc.oneof(sane, fc.double({ min: 0, max: 2, noNaN: true }), fc.double({ min: 8.9e12, max: 9.3e12 }));
    fc.assert(
      fc.property(arbMs, arbMs, (timestampMs, deadlineMs) => {
        fc.pre(!Number.isNaN(timestampMs) && !Number.isNaN(deadlineMs));
        expect(showDeadlineOfMs(timestampMs, deadlineMs)).toBe(showDeadline(deadlineOfMs(timestampMs, deadlineMs)));
      }),
    );
  });

  it("11.12.4: comes back from its 16 bytes as it was, wherever these lie", () => {
    fc.assert(
      fc.property(arbDeadline, fc.nat(5), (each, before) => {
        const bytes = encodeDeadline(each);
        expect(bytes.length).toBe(16);
        const held = new Uint8Array(before + 20).fill(255);
        held.set(bytes, before);
        expect(decodeDeadline(held.subarray(before, before + 16))).toEqual(each);
      }),
    );
  });

  it("11.12.4: is 16 bytes with the highest first, the timestamp before the deadline", () => {
    const bytes = encodeDeadline({ timestampNs: 0x0102_0304_0506_0708n, deadlineNs: 0x1112_1314_1516_1718n });
    expect(Buffer.from(bytes).toString("hex")).toBe("01020304050607081112131415161718");
  });

  it("11.12.4: C21: is absent where the bytes are not 16, or a time is below zero", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }).filter((bytes) => bytes.length !== 16),
        (bytes) => {
          expect(decodeDeadline(bytes)).toBeUndefined();
        },
      ),
    );
    for (const at of [0, 8]) {
      const bytes = new Uint8Array(16);
      bytes[at] = 0x80;
      expect(decodeDeadline(bytes)).toBeUndefined();
    }
  });

  it("C21: is absent where the text is below zero, no number, beyond 8 bytes or not two numbers", () => {
    const beyond = fc.bigInt(maxNs + 1n, 10n ** 25n).map(String);
    const odd = fc.oneof(
      beyond,
      fc.constantFrom("-1", "+1", "NaN", "Infinity", "1.5", "1e9", "0x10", "", "1_0", "１", " "),
    );
    fc.assert(
      fc.property(odd, arbNs.map(String), fc.boolean(), (bad, good, first) => {
        expect(readDeadline(first ? `${bad} ${good}` : `${good} ${bad}`)).toBeUndefined();
      }),
    );
    for (const text of ["", "5", "1 2 3", "1  2", "1,2", "1\t2", "1 2\n3 4"])
      expect(readDeadline(text)).toBeUndefined();
    expect(readDeadline(`1 ${maxNs}`)).toEqual({ timestampNs: 1n, deadlineNs: maxNs });
    expect(readDeadline(`${maxNs + 1n} 1`)).toBeUndefined();
    expect(readDeadline(`1 ${maxNs + 1n}`)).toBeUndefined();
  });

  it("11.12.3: combines to the earliest end and the latest observation, whatever the order and however often", () => {
    fc.assert(
      fc.property(arbDeadline, arbDeadline, arbDeadline, (a, b, c) => {
        const both = combineDeadlines(a, b);
        expect(both).toEqual(combineDeadlines(b, a));
        expect(combineDeadlines(both, c)).toEqual(combineDeadlines(a, combineDeadlines(b, c)));
        expect(combineDeadlines(a, a)).toEqual(a);
        expect(both.deadlineNs <= a.deadlineNs && both.deadlineNs <= b.deadlineNs).toBe(true);
        expect(both.timestampNs >= a.timestampNs && both.timestampNs >= b.timestampNs).toBe(true);
        expect([a.deadlineNs, b.deadlineNs]).toContain(both.deadlineNs);
        expect([a.timestampNs, b.timestampNs]).toContain(both.timestampNs);
      }),
    );
  });

  it("is cut to whole ms on its way out, and never grows by it", () => {
    const arbEpoch = fc.integer({ min: 0, max: 4e12 });
    fc.assert(
      fc.property(arbEpoch, fc.double({ min: 0, max: 1e10, noNaN: true }), (epochMs, leftMs) => {
        const wire = deadlineOfMs(epochMs, epochMs + leftMs);
        expect(wire.timestampNs).toBe(BigInt(epochMs) * 1_000_000n);
        expect(wire.deadlineNs % 1_000_000n).toBe(0n);
        const left = remainingMs(wire, epochMs);
        expect(left).toBeLessThanOrEqual(epochMs + leftMs - epochMs);
        expect(left).toBeGreaterThan(epochMs + leftMs - epochMs - 1);
      }),
    );
  });

  it("stays within what the wire holds, whatever it is made from", () => {
    expect(deadlineOfMs(-5, Number.MAX_SAFE_INTEGER)).toEqual({ timestampNs: 0n, deadlineNs: maxNs });
    expect(deadlineOfMs(1.9, 9_223_372_036_854)).toEqual({
      timestampNs: 1_000_000n,
      deadlineNs: 9_223_372_036_854_000_000n,
    });
  });

  it("tells what is left of it to the ns, and that the largest of all never ends", () => {
    const at = (deadlineNs: bigint): WireDeadline => ({ timestampNs: 0n, deadlineNs });
    expect(remainingMs(at(1_700_000_000_123_456_789n), 1_700_000_000_000)).toBe(123.456789);
    expect(remainingMs(at(1_700_000_000_123_000_000n), 1_700_000_000_200)).toBe(-77);
    expect(remainingMs(at(0n), 5)).toBe(-5);
    expect(remainingMs(at(maxNs - 1n), 0)).toBe(9_223_372_036_854.775);
    expect(remainingMs(at(maxNs), 0)).toBe(Number.POSITIVE_INFINITY);
  });
});
