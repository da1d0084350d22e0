import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SessionKeyring } from "../src/session-keys.ts";

const arbSecret = fc.uint8Array({ minLength: 32, maxLength: 32 });
const arbTexts = fc.array(fc.tuple(fc.constantFrom("certPath", "keyPath", "caCertPath"), fc.string()), {
  maxLength: 3,
});

const arbListener = fc.record({ secret: arbSecret, name: fc.string(), texts: arbTexts });

function keysOf({ secret, name, texts }: { secret: Uint8Array; name: string; texts: [string, string][] }): string {
  return new SessionKeyring(secret, name).keys(new Map(texts)).ticketKeys?.toString("hex") ?? "";
}

describe("the keys of sessions", () => {
  it("are the same for the same secret, listener and files, and others where one of them differs", () => {
    fc.assert(
      fc.property(arbListener, arbListener, fc.constantFrom("secret", "name", "texts"), (listener, other, what) => {
        const keys = keysOf(listener);
        expect(keys).toMatch(/^[0-9a-f]{96}$/);
        expect(keysOf({ ...listener })).toBe(keys);
        const changed = { ...listener, [what]: other[what] };
        const same = what === "texts" ? [...new Map(listener.texts)] : listener[what];
        const now = what === "texts" ? [...new Map(other.texts)] : other[what];
        fc.pre(JSON.stringify(same) !== JSON.stringify(now));
        expect(keysOf(changed)).not.toBe(keys);
      }),
    );
  });

  it("are not ours to choose without a secret, and no two listeners take each other's sessions", () => {
    const [a, b] = [new SessionKeyring(undefined, "a"), new SessionKeyring(undefined, "a")];
    expect(a.keys(new Map()).ticketKeys).toBeUndefined();
    expect(a.keys(new Map()).sessionIdContext).toBe(a.keys(new Map([["certPath", "x"]])).sessionIdContext);
    expect(a.keys(new Map()).sessionIdContext).not.toBe(b.keys(new Map()).sessionIdContext);
  });
});
