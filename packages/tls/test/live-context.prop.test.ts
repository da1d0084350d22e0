import { rmSync } from "node:fs";
import { ManualClock, MemoryStats } from "@weftmesh/testkit";
import { CertificateAuthority, type MadeCertificate } from "@weftmesh/testkit/certificates";
import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { TlsFileError } from "../src/errors.ts";
import type { LiveContext } from "../src/live-context.ts";
import { serverContext } from "../src/server-context.ts";
import { WatchedFiles } from "../src/watched-files.ts";
import { Folder, Log } from "./files.ts";

let pairs: readonly MadeCertificate[];
let expired: MadeCertificate;
const folders: Folder[] = [];

beforeAll(async () => {
  const ca = await CertificateAuthority.create();
  pairs = [await ca.issue({ dns: ["a"] }), await ca.issue({ dns: ["b"] }), await ca.issue({ dns: ["c"] })];
  expired = await ca.issue({ dns: ["old"], from: new Date(Date.now() - 9e6), to: new Date(Date.now() - 6e6) });
});

afterEach(() => {
  for (const folder of folders.splice(0)) folder.remove();
});

interface Rig {
  readonly folder: Folder;
  readonly clock: ManualClock;
  readonly stats: MemoryStats;
  readonly log: Log;
  readonly context: LiveContext;
}

function rig(): Rig {
  const folder = new Folder();
  folders.push(folder);
  const [pair] = pairs;
  const certPath = folder.write("cert.pem", pair?.cert ?? "");
  const keyPath = folder.write("key.pem", pair?.key ?? "");
  const clock = new ManualClock(0, Date.now());
  const stats = new MemoryStats();
  const log = new Log();
  const context = serverContext({ certPath, keyPath, requireClientAuth: false }, { name: "test", clock, stats, log });
  return { folder, clock, stats, log, context };
}

describe("files that are watched", () => {
  it("are looked at every second where the system tells of no change", async () => {
    const clock = new ManualClock();
    let looks = 0;
    const watched = new WatchedFiles([{ key: "certPath", path: "/nowhere/at/all.pem" }], clock, () => looks++);
    await clock.advance(999);
    expect(looks).toBe(0);
    await clock.advance(1);
    expect(looks).toBe(1);
    await clock.advance(5_000);
    expect(looks).toBe(6);
    watched.close();
    expect(clock.armed).toBe(0);
  });
});

describe("a context that lives", () => {
  it("E12: is always that of a whole pair, and of the last one that was there whole", async () => {
    const half = fc.constantFrom("whole", "half", "empty", "gone");
    const step = fc.record({ file: fc.constantFrom("cert", "key"), pair: fc.nat(2), state: half });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const { folder, context, stats } = rig();
        const there: Record<string, number | undefined> = { cert: 0, key: 0 };
        let last = 0;
        let swaps = 0;
        for (const { file, pair, state } of steps) {
          const text = pairs[pair]?.[file as "cert" | "key"] ?? "";
          const path = folder.write(
            `${file}.pem`,
            state === "whole" ? text : state === "half" ? text.slice(0, 99) : "",
          );
          if (state === "gone") rmSync(path);
          there[file] = state === "whole" ? pair : undefined;
          const before = context.current;
          await context.look();
          const isPair = there["cert"] !== undefined && there["cert"] === there["key"];
          if (isPair && there["cert"] !== last) {
            last = there["cert"] as number;
            swaps++;
            expect(context.current).not.toBe(before);
          } else expect(context.current).toBe(before);
          expect(stats.readCounter("reloads")).toBe(swaps);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("looks every second by itself, and reads nothing where nothing has changed", async () => {
    const { folder, clock, stats, context, log } = rig();
    context.watch();
    const before = context.current;
    folder.write("cert.pem", pairs[1]?.cert ?? "");
    folder.write("key.pem", pairs[1]?.key ?? "");
    for (let i = 0; i < 200 && context.current === before; i++) {
      await clock.advance(100);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(context.current).not.toBe(before);
    expect(stats.readCounter("reloads")).toBe(1);
    expect(log.lines.join("\n")).toMatch(/info TLS of test: read again; the certificate is for CN=b/);
    context.close();
    expect(clock.armed).toBe(0);
  });

  it("keeps a certificate that is valid before one that is not", async () => {
    const { folder, context, log } = rig();
    const before = context.current;
    folder.write("cert.pem", expired.cert);
    folder.write("key.pem", expired.key);
    await context.look();
    expect(context.current).toBe(before);
    expect(log.lines.at(-1)).toMatch(/^error TLS of test: what is in use stays: certPath: .* is not valid now/);
    expect(context.expiresInSeconds).toBeGreaterThan(80_000);
  });

  it("says a thing once, however often it is looked at, and counts it once", async () => {
    const { folder, context, log, stats } = rig();
    folder.write("cert.pem", "");
    for (let i = 0; i < 5; i++) await context.look();
    expect(log.lines.filter((line) => line.startsWith("error"))).toHaveLength(1);
    expect(stats.readCounter("reload_failures")).toBe(1);
  });

  it("E18: warns of a key that others may read, and of dates", () => {
    const folder = new Folder();
    folders.push(folder);
    const log = new Log();
    const around = { name: "test", clock: new ManualClock(0, Date.now()), stats: new MemoryStats(), log };
    const certPath = folder.write("cert.pem", expired.cert);
    const keyPath = folder.write("key.pem", expired.key, 0o640);
    const context = serverContext({ certPath, keyPath, caCertPath: certPath, requireClientAuth: false }, around);
    context.watch();
    context.close();
    expect(log.lines.join("\n")).toMatch(/keyPath: the private key .* is open to the group of its owner \(mode 640\)/);
    expect(log.lines.join("\n")).toMatch(/caCertPath is not used/);
    expect(log.lines.join("\n")).toMatch(/error TLS of test: the certificate for CN=old expired 0 days ago/);
  });

  it("is not made of files that are no pair", () => {
    const folder = new Folder();
    folders.push(folder);
    const around = { name: "test", clock: new ManualClock(), stats: new MemoryStats(), log: new Log() };
    const make = (cert: string, key: string) => () =>
      serverContext(
        { certPath: folder.write("c.pem", cert), keyPath: folder.write("k.pem", key), requireClientAuth: false },
        around,
      );
    const [a, b] = pairs;
    expect(make(a?.cert ?? "", b?.key ?? "")).toThrow(TlsFileError);
    expect(make(a?.cert ?? "", b?.key ?? "")).toThrow(
      /keyPath: .*k\.pem is not the key of the certificate in .*c\.pem/,
    );
    expect(make(a?.key ?? "", a?.key ?? "")).toThrow(/certPath: .* has no PEM certificate/);
    expect(make(a?.cert ?? "", a?.cert ?? "")).toThrow(/keyPath: .* has no private key in PEM/);
    expect(
      // Put together here: what looks like a key is not to be in the tree.
      make(a?.cert ?? "", ["BEGIN", "END"].map((edge) => `-----${edge} ENCRYPTED PRIVATE KEY-----`).join("\nAAAA\n")),
    ).toThrow(/keyPath: .* is encrypted/);
  });
});
