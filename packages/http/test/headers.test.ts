import { HeaderError, Headers, headerField, headerName } from "@weftmesh/http";
import { describe, expect, it } from "vitest";
import { receivedHeaders } from "./received-headers.ts";

describe("Headers", () => {
  it("forward what was received byte for byte, in one piece when nothing was touched", () => {
    const headers = receivedHeaders(["host:a", "X-Odd:   spaced \t", "host: b"]);
    expect(headers.toLines()).toBe("host:a\r\nX-Odd:   spaced \t\r\nhost: b\r\n");
    expect(headers.get("x-odd")).toBe("spaced");
  });

  it("move a header that is set to the end", () => {
    const headers = receivedHeaders(["a: 1", "b: 2", "c: 3"]).set("B", "two");
    expect(headers.toLines()).toBe("a: 1\r\nc: 3\r\nB: two\r\n");
  });

  it("refuse a name or a value that would be another header", () => {
    expect(() => Headers.of("a", "1\r\nb: 2")).toThrow(HeaderError);
    expect(() => new Headers().set("a b", "1")).toThrow(HeaderError);
    expect(() => new Headers().add("a\r\nb", "1")).toThrow(HeaderError);
  });

  it("C27: treat names of the language's own objects like any other", () => {
    const headers = Headers.of("__proto__", "1", "constructor", "2").set("toString", "3");
    expect(headers.get("constructor")).toBe("2");
    expect(headers.get("hasOwnProperty")).toBeUndefined();
    expect(headers.toLines()).toBe("__proto__: 1\r\nconstructor: 2\r\ntoString: 3\r\n");
    expect(headerName("__proto__").lower).toBe("__proto__");
  });

  it("find a name that was declared after the message was read, or after a field of it was made", () => {
    const field = headerField("X-Late-Field", "1");
    const read = receivedHeaders(["x-late: a", "host: b"]).add("x-later", "c");
    const [late, later, lateField] = ["X-Late", "X-Later", "X-Late-Field"].map((text) => headerName(text));
    if (late === undefined || later === undefined || lateField === undefined) throw new Error("three names");
    for (const headers of [read, read.clone()]) {
      expect([headers.get(late), headers.has(later), headers.count(later)]).toEqual(["a", true, 1]);
      expect(headers.delete(late).has("x-late")).toBe(false);
    }
    const set = new Headers().setField(field);
    expect(set.getAll(lateField)).toEqual(["1"]);
    expect(set.clone().set(lateField, "2").toLines()).toBe("X-Late-Field: 2\r\n");
    const hop = headerField("X-Late-Hop", "1");
    headerName("X-Late-Hop", { hopByHop: true });
    expect(new Headers().addField(hop).deleteHopByHop().size).toBe(0);
    const before = headerName("X-Declared-Before");
    expect(new Headers().add("x-declared-before", "1").set(before, "2").toFlat()).toEqual(["X-Declared-Before", "2"]);
  });

  it("are told apart where declared names share a bit", () => {
    // More than there are bits, so that any two sets of them collide somewhere.
    const names = Array.from({ length: 70 }, (_, i) => headerName(`X-Shared-${i}`));
    for (let i = 0; i < names.length; i += 7) {
      const here = names[i];
      if (here === undefined) throw new Error("seventy names");
      for (const headers of [receivedHeaders([`x-shared-${i}: 1`]), new Headers().set(here, "1")]) {
        expect(names.filter((name) => headers.has(name))).toEqual([here]);
        expect(names.filter((name) => headers.get(name) === "1")).toEqual([here]);
        expect(names.filter((name) => headers.count(name) === 1)).toEqual([here]);
        expect(names.filter((name) => headers.getAll(name).length === 1)).toEqual([here]);
      }
    }
  });
});
