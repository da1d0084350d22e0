import { type AddressInfo, createServer } from "node:net";
import { endianness } from "node:os";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressIn, inheritanceOf, inheritedSockets } from "../src/inherited.ts";

const port = fc.integer({ min: 1, max: 65_535 });
const address = fc.record({ host: fc.oneof(fc.ipV4(), fc.ipV6()), port });

/** As the kernel writes it: words of the machine's byte order. */
function kernelHex(bytes: readonly number[]): string {
  const words = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.slice(4 * i, 4 * i + 4));
  return words
    .map((word) => Buffer.from(endianness() === "LE" ? [...word].reverse() : word).toString("hex"))
    .join("")
    .toUpperCase();
}

const row = (hex: string, portNumber: number, inode: string): string =>
  `   0: ${hex}:${portNumber.toString(16).toUpperCase().padStart(4, "0")} ${"0".repeat(hex.length)}:0000 0A 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1`;

describe("inherited sockets", () => {
  it("come through the environment as they were, in their order, and leave nothing behind in it", () => {
    fc.assert(
      fc.property(fc.array(address, { maxLength: 20 }), (sockets) => {
        const env: NodeJS.ProcessEnv = { ...inheritanceOf(sockets), LISTEN_FDS: "9", LISTEN_PID: "1" };
        expect(inheritedSockets(env, 1)).toEqual(sockets.map((each, i) => ({ fd: 3 + i, ...each })));
        expect(env).toEqual({});
      }),
    );
  });

  it("of systemd are meant for the process that it names, and for no other", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (pid, other) => {
        fc.pre(pid !== other);
        expect(inheritedSockets({ LISTEN_FDS: "7", LISTEN_PID: String(other) }, pid)).toEqual([]);
        expect(inheritedSockets({ LISTEN_FDS: "0", LISTEN_PID: String(pid) }, pid)).toEqual([]);
      }),
    );
  });

  it.each(["x", "-1", "1.5", "4000"])("are not guessed from LISTEN_FDS=%s", (count) => {
    expect(() => inheritedSockets({ LISTEN_FDS: count, LISTEN_PID: "1" }, 1)).toThrow(
      /LISTEN_FDS is no number of sockets/,
    );
  });

  it.each(["3", "3=a:1", "x=127.0.0.1:1", "3=127.0.0.1:1,", "3=127.0.0.1:123456"])(
    "are not guessed from %s",
    (text) => {
      expect(() => inheritedSockets({ WEFT_LISTEN_SOCKETS: text }, 1)).toThrow(/not fd=host:port/);
    },
  );

  it("that are no sockets are refused by their descriptor", () => {
    // Descriptor 3 of a test worker is something else, or nothing.
    expect(() => inheritedSockets({ LISTEN_FDS: "1000", LISTEN_PID: "1" }, 1)).toThrow(
      /descriptor \d+ of LISTEN_FDS cannot be used/,
    );
  });

  it("are found in the kernel's table by their inode, IPv4 as Node writes it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), port, (bytes, number) => {
        const table = `head\n${row(kernelHex([1, 2, 3, 4]), 9, "41")}\n${row(kernelHex([...bytes]), number, "42")}\n`;
        expect(addressIn(table, "42")).toEqual({ host: bytes.join("."), port: number });
        expect(addressIn(table, "43")).toBeUndefined();
      }),
    );
  });

  it("are found in the kernel's table by their inode, IPv6 in its one short form", () => {
    const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), port, (groups, number) => {
        // What the URL parser makes of an embedded IPv4 address is another form of the same.
        const bytes = groups.flatMap((each) => [each >> 8, each & 0xff]);
        const found = addressIn(`head\n${row(kernelHex(bytes), number, "7")}\n`, "7");
        const long = groups.map((each) => each.toString(16)).join(":");
        expect(found).toEqual({ host: new URL(`http://[${long}]/`).hostname.slice(1, -1), port: number });
      }),
    );
  });

  it("are told by the kernel as Node has them", async () => {
    for (const host of ["127.0.0.1", "::1"]) {
      const server = createServer();
      const listens = await new Promise<boolean>((resolve) => {
        server.once("error", () => resolve(false));
        server.listen(0, host, () => resolve(true));
      });
      if (!listens) continue;
      const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
      const { readFileSync, readlinkSync } = await import("node:fs");
      const inode = /\[(\d+)\]/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] as string;
      const table = readFileSync(`/proc/self/net/tcp${host === "::1" ? "6" : ""}`, "latin1");
      const { port: bound } = server.address() as AddressInfo;
      expect(addressIn(table, inode)).toEqual({ host, port: bound });
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
