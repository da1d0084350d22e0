import { declaredName, HeaderField, type HeaderName, Headers, headerField, headerName, Names } from "@weftmesh/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { receivedHeaders } from "./received-headers.ts";

const declared = headerName("X-Declared");
/** So many that names with bits in the higher word, and names that share a bit, are among those below. */
const many = Array.from({ length: 96 }, (_, i) => headerName(`X-Many-${i}`, { hopByHop: i === 50 }));

/** Few names, so that repeats and look-alikes happen; half of them declared. */
const arbName = fc
  .tuple(
    fc.constantFrom(
      ...["Host", "Content-Length", "Connection", "TE", "X-Declared", "x-fob", "x-fo", "x-foo", "y-foo", "a"],
      ...["X-Many-18", "X-Many-50", "X-Many-82"],
    ),
    fc.nat(),
  )
  .map(([name, mask]) =>
    [...name].map((c, i) => (((mask >> (i % 16)) & 1) === 1 ? c.toUpperCase() : c.toLowerCase())).join(""),
  );
const arbValue = fc
  .array(fc.constantFrom("a", "b", " ", "\t", ":", ",", "é", "~", "1"), { maxLength: 6 })
  .map((chars) => chars.join("").trim());
const arbSpace = fc.constantFrom("", " ", "  ", "\t");
const arbLine = fc
  .tuple(arbName, arbSpace, arbValue, arbSpace)
  .map(([name, before, value, after]) => ({ name, value, line: `${name}:${before}${value}${after}\r\n` }));
const arbReceived = fc.array(arbLine, { maxLength: 8 });

type Op =
  | { readonly op: "set" | "add" | "setField" | "addField"; readonly name: string; readonly value: string }
  | { readonly op: "delete" | "deleteByObject" | "deleteOtherHopByHop"; readonly name: string }
  | { readonly op: "deleteWhere"; readonly first: string }
  | { readonly op: "deleteHopByHop" | "clone" };

const arbOp: fc.Arbitrary<Op> = fc.oneof(
  fc.record({
    op: fc.constantFrom("set" as const, "add" as const, "setField" as const, "addField" as const),
    name: arbName,
    value: arbValue,
  }),
  fc.record({ op: fc.constantFrom("delete" as const, "deleteByObject" as const), name: arbName }),
  fc.record({
    op: fc.constant("deleteOtherHopByHop" as const),
    name: fc.constantFrom("te", "connection", "x-many-50"),
  }),
  fc.record({ op: fc.constant("deleteWhere" as const), first: fc.constantFrom("x", "h", "c") }),
  fc.record({ op: fc.constantFrom("deleteHopByHop" as const, "clone" as const) }),
);

interface Row {
  readonly name: string;
  readonly value: string;
  readonly line: string;
}

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
const hop = new Set(["connection", "te", "x-many-50"]);

/** The list that the headers stand for. */
function applyToModel(rows: readonly Row[], op: Op): Row[] {
  switch (op.op) {
    case "add":
    case "addField":
      return [...rows, rowOf(op.name, op.value)];
    case "set":
    case "setField":
      return [...rows.filter((row) => !same(row.name, op.name)), rowOf(op.name, op.value)];
    case "delete":
    case "deleteByObject":
      return rows.filter((row) => !same(row.name, op.name));
    case "deleteWhere":
      return rows.filter((row) => !row.name.toLowerCase().startsWith(op.first));
    case "deleteHopByHop":
      return rows.filter((row) => !hop.has(row.name.toLowerCase()));
    case "deleteOtherHopByHop":
      return rows.filter((row) => !hop.has(row.name.toLowerCase()) || same(row.name, op.name));
    case "clone":
      return [...rows];
  }
}

function rowOf(name: string, value: string): Row {
  return { name, value, line: `${name}: ${value}\r\n` };
}

/** By the object where the name is declared. */
function nameOrObject(name: string): string | HeaderName {
  const objects: Record<string, HeaderName> = { host: Names.host, te: Names.te, "x-declared": declared };
  for (const each of many) objects[each.lower] = each;
  return objects[name.toLowerCase()] ?? name;
}

function applyToHeaders(headers: Headers, op: Op): Headers {
  switch (op.op) {
    case "add":
      return headers.add(op.name, op.value);
    case "addField":
      return headers.addField(headerField(op.name, op.value));
    case "set":
      return headers.set(op.name, op.value);
    case "setField":
      return headers.setField(headerField(op.name, op.value));
    case "delete":
      return headers.delete(op.name);
    case "deleteByObject":
      return headers.delete(nameOrObject(op.name));
    case "deleteWhere":
      return headers.deleteWhere((lower) => lower.startsWith(op.first));
    case "deleteHopByHop":
      return headers.deleteHopByHop();
    case "deleteOtherHopByHop":
      return headers.deleteHopByHop(headerName(op.name));
    case "clone": {
      const copy = headers.clone();
      // What happens to the original from here on is none of the copy's business.
      headers.deleteWhere(() => true);
      return copy;
    }
  }
}

function expectSame(headers: Headers, rows: readonly Row[], asked: string): void {
  expect([...headers]).toEqual(rows.map((row) => [row.name, row.value]));
  expect(headers.size).toBe(rows.length);
  expect(headers.listBytes).toBe(rows.reduce((sum, { name, value }) => sum + name.length + value.length + 32, 0));
  expect(headers.toLines()).toBe(rows.map((row) => row.line).join(""));
  expect(visited(headers)).toEqual(rows.map((row) => [row.name, row.value]));
  const values = rows.filter((row) => same(row.name, asked)).map((row) => row.value);
  for (const name of [asked, nameOrObject(asked)]) {
    expect(headers.getAll(name)).toEqual(values);
    expect(headers.get(name)).toBe(values[0]);
    expect(headers.count(name)).toBe(values.length);
    expect(headers.has(name)).toBe(values.length > 0);
  }
}

/** What a visitor is shown. */
function visited(headers: Headers): (readonly [string, string])[] {
  const shown: (readonly [string, string])[] = [];
  headers.visit({
    onField: ({ name, value }) => void shown.push([name, value]),
    onText: (id, text, nameStart, nameEnd, start, end) => {
      const name = text.substring(nameStart, nameEnd);
      expect(id).toBe(declaredName(name)?.id ?? 0);
      shown.push([name, text.substring(start, end)]);
    },
  });
  return shown;
}

/** Fields as HTTP/2 brings them. */
function fieldHeaders(rows: readonly Row[]): Headers {
  return Headers.ofFields(rows.map(({ name, value }) => new HeaderField(declaredName(name)?.id ?? 0, name, value)));
}

describe("Headers", () => {
  it("agree with a list of names and values after any edits, whether received as lines or as fields, or added", () => {
    const arbOps = fc.array(fc.tuple(arbOp, arbName), { maxLength: 10 });
    fc.assert(
      fc.property(arbReceived, fc.boolean(), arbOps, (received, asFields, ops) => {
        let rows: Row[] = asFields ? received.map(({ name, value }) => rowOf(name, value)) : received;
        let headers = asFields ? fieldHeaders(rows) : receivedHeaders(received.map((row) => row.line.slice(0, -2)));
        expectSame(headers, rows, "host");
        for (const [op, asked] of ops) {
          headers = applyToHeaders(headers, op);
          rows = applyToModel(rows, op);
          expectSame(headers, rows, asked);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("find an added field by a name that was declared after the field was made", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000_000 }), arbValue, (n, value) => {
        const field = headerField(`X-Late-${n}`, value);
        const name = headerName(`x-late-${n}`, { hopByHop: true });
        const headers = n % 2 === 0 ? new Headers().addField(field) : Headers.ofFields([field]);
        expect(headers.get(name)).toBe(value);
        expect(headers.get(`X-LATE-${n}`)).toBe(value);
        expect(headers.clone().deleteHopByHop().size).toBe(0);
        headers.setField(headerField(name, "newer"));
        expect(headers.getAll(name)).toEqual(["newer"]);
        headers.setField(field);
        expect(headers.getAll(name)).toEqual([value]);
        expect(headers.delete(name).size).toBe(0);
      }),
    );
  });
});
