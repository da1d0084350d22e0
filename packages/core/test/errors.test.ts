import { describe, expect, it, vi } from "vitest";
import { asError, CancelledError, ClosedError, hasFlag, isWeftError, WeftError } from "../src/index.ts";

describe("WeftError", () => {
  it("is an Error to everybody who asks", () => {
    const error = new CancelledError();
    expect(error).toBeInstanceOf(Error);
    expect(error).toBeInstanceOf(WeftError);
    expect([error.name, error.code, error.message]).toEqual([
      "CancelledError",
      "WEFT_CANCELLED",
      "the caller went away",
    ]);
    expect(String(error)).toBe("CancelledError [WEFT_CANCELLED]: the caller went away");
    expect(asError(error)).toBe(error);
  });

  it("does not walk the stack when it is made", () => {
    const capture = vi.fn(() => "formatted");
    const before = Error.prepareStackTrace;
    Error.prepareStackTrace = capture;
    try {
      expect(new ClosedError("the pool").stack).toBe("ClosedError [WEFT_CLOSED]: the pool is closed");
    } finally {
      Error.prepareStackTrace = before;
    }
    expect(capture).not.toHaveBeenCalled();
    expect(Object.keys(new ClosedError("the pool"))).not.toContain("stack");
  });

  it("is known again by another copy of the core", async () => {
    const other = (await import(`${"../src/errors.ts"}?copy`)) as typeof import("../src/errors.ts");
    expect(other.WeftError).not.toBe(WeftError);
    const theirs = new other.ClosedError("their pool");
    expect(theirs).not.toBeInstanceOf(WeftError);
    expect(theirs).toBeInstanceOf(Error);
    expect([isWeftError(theirs), hasFlag(theirs, "retryable"), asError(theirs) === theirs]).toEqual([true, true, true]);
    expect(other.isWeftError(new CancelledError())).toBe(true);
  });

  it("carries its flags and its cause", () => {
    const cause = new Error("beneath");
    const error = new WeftError("WEFT_X", "x", { flags: ["retryable", "rejected"], cause });
    expect([error.has("retryable"), error.has("naming"), hasFlag(error, "rejected")]).toEqual([true, false, true]);
    expect(error.cause).toBe(cause);
    expect(hasFlag(new Error("plain"), "retryable")).toBe(false);
  });

  it("is what anything else becomes that was thrown", () => {
    const bare: unknown = Object.create(null);
    for (const thrown of ["text", 7, undefined, null, Symbol("s"), { toString: () => "own text" }, bare]) {
      const error = asError(thrown);
      expect(error).toBeInstanceOf(Error);
      expect(error).toMatchObject({ code: "WEFT_THROWN" });
      expect(error.cause).toBe(thrown);
    }
    expect(asError({ toString: () => "own text" }).message).toBe("own text");
    for (const impostor of [undefined, null, 0, "", {}, new Error("plain")]) expect(isWeftError(impostor)).toBe(false);
  });
});
