import { isAuthority } from "@weftmesh/http";
import { describe, expect, it } from "vitest";
import { RequestHead } from "../src/request-head.ts";
import { defaultServerLimits } from "../src/server-settings.ts";

function read(text: string): RequestHead {
  const head = new RequestHead(defaultServerLimits);
  const bytes = Buffer.from(text, "latin1");
  expect(head.scan(bytes, 0, bytes.length)).toBe(bytes.length);
  return head;
}

describe("the head of a request", () => {
  it.each([
    ["GET http://Other.example:81/a/b?c HTTP/1.1", "Other.example:81", "/a/b?c", "http"],
    ["GET HTTP://other.example HTTP/1.1", "other.example", "/", "http"],
    ["GET http://other.example?c=/d HTTP/1.1", "other.example", "/?c=/d", "http"],
    ["OPTIONS http://other.example HTTP/1.1", "other.example", "*", "http"],
    ["GET https://other.example/ HTTP/1.1", "other.example", "/", "https"],
    ["GET http://[::1]:80//x HTTP/1.1", "[::1]:80", "//x", "http"],
  ])("A43: the target of %s wins over Host, which is rewritten", (line, authority, path, scheme) => {
    const head = read(`${line}\r\nHost: web.example\r\nX: y\r\n\r\n`);
    expect(head).toMatchObject({ authority, path, scheme });
    expect(head.headers.getAll("host")).toEqual([authority]);
    expect(head.headers.toLines()).toBe(`X: y\r\nHost: ${authority}\r\n`);
  });

  it("A43: gives HTTP/1.0 the Host of its absolute target", () => {
    expect(read("GET http://a/ HTTP/1.0\r\n\r\n").headers.toFlat()).toEqual(["Host", "a"]);
  });

  it("leaves the line of a Host alone that says the same as the target", () => {
    expect(read("GET http://a/ HTTP/1.1\r\nhost:  a\r\nX: y\r\n\r\n").headers.toLines()).toBe("host:  a\r\nX: y\r\n");
  });

  it.each([
    ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", true],
    ["GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false],
    ["GET / HTTP/1.1\r\nHost: a\r\nConnection: close, keep-alive\r\n\r\n", false],
    ["GET / HTTP/1.0\r\n\r\n", false],
    ["GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true],
    ["GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false],
  ])("says of %j whether the connection stays", (text, keepAlive) => {
    expect(read(text).keepAlive).toBe(keepAlive);
  });

  it("remembers no Host that was not good", () => {
    const head = new RequestHead(defaultServerLimits);
    const scan = (text: string): number => head.scan(Buffer.from(text), 0, text.length);
    const bad = "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n";
    for (let i = 0; i < 2; i++) expect(() => scan(bad)).toThrow(expect.objectContaining({ status: 400 }));
    const good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (let i = 0; i < 2; i++) expect(scan(good)).toBe(good.length);
  });

  it("reads a head at any place of a buffer", () => {
    const text = "GET /x HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
    const head = new RequestHead(defaultServerLimits);
    const bytes = Buffer.from(`${"z".repeat(37)}${text}rest`);
    expect(head.scan(bytes, 37, bytes.length)).toBe(37 + text.length);
    expect(head).toMatchObject({ method: "GET", path: "/x", authority: "a" });
    expect(head.headers.toFlat()).toEqual(["Host", "a", "X", "y"]);
  });
});

describe("an authority", () => {
  it.each([
    "a",
    "a.example:80",
    "A_b-c~1:",
    "a:0",
    "a:65535",
    "[::1]",
    "[::ffff:1.2.3.4]:80",
    "127.1",
    "a%20b",
    "$a",
    "a;b",
  ])("may be %s", (text) => expect(isAuthority(text)).toBe(true));

  it.each([
    "a:b",
    "a:65536",
    "a:999999",
    ":80",
    "a b",
    "a,b",
    "a/b",
    "a?b",
    "a#b",
    "a@b",
    "a\\b",
    "[::1",
    "::1]",
    "[]",
    "[::1]x",
    "a%2",
    "é",
    "a:1:2",
    "[a]",
    '"a"',
    "<a>",
  ])("may not be %s", (text) => expect(isAuthority(text)).toBe(false));
});
