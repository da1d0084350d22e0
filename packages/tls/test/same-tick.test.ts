import type * as files from "node:fs/promises";
import { ManualClock, MemoryStats } from "@weftmesh/testkit";
import { CertificateAuthority } from "@weftmesh/testkit/certificates";
import { afterAll, expect, it, vi } from "vitest";
import { serverContext } from "../src/server-context.ts";
import { Folder, Log } from "./files.ts";

const tick = vi.hoisted(() => ({ atMs: 1_000_000, stats: 0 }));

// A file system whose clock stands still, so that a second write leaves no trace in the times of a file.
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof files>();
  const stat = async (path: string) => {
    tick.stats++;
    await real.stat(path);
    return { ino: 1, size: 1, mtimeMs: tick.atMs, ctimeMs: tick.atMs, isFile: () => true };
  };
  return { ...real, stat };
});

const folder = new Folder();
afterAll(() => folder.remove());

it("reads files again that were written so lately that a second write would not show", async () => {
  const ca = await CertificateAuthority.create();
  const pairs = [await ca.issue({ dns: ["a"] }), await ca.issue({ dns: ["b"] })];
  const write = (i: number): { certPath: string; keyPath: string } => ({
    certPath: folder.write("cert.pem", pairs[i]?.cert ?? ""),
    keyPath: folder.write("key.pem", pairs[i]?.key ?? ""),
  });
  const clock = new ManualClock(0, tick.atMs + 1_000);
  const around = { name: "test", clock, stats: new MemoryStats(), log: new Log() };
  const context = serverContext({ ...write(0), requireClientAuth: false }, around);
  await context.look();
  const first = context.current;
  write(1);
  await context.look();
  expect(context.current).not.toBe(first);
  // When some time has passed, the times of a file tell of every write, and nothing is read for nothing.
  await clock.advance(5_000);
  const before = tick.stats;
  await context.look();
  expect(tick.stats - before).toBe(2);
});
