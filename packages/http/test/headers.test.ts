import { HeaderError, Headers, headerName } from "@weftmesh/http";
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
});
