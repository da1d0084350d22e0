import type { Bound, HostResolver, NameTree } from "@weftmesh/naming";
import { Path, showAddress } from "@weftmesh/naming";
import { ManualClock } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FsNamer } from "../src/index.ts";
import { FakeFileSystem } from "./fake-file-system.ts";

const file = "/disco/web";
const settleMs = 100;
const settleEmptyMs = 500;

const arbContent = fc.integer({ min: 1, max: 9 }).map((n) => `10.0.0.${n} 80\n10.0.1.${n} 80\n`);

/** What a writer may do to the file. */
const arbOp = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant("write" as const), content: arbContent }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("replace" as const), content: arbContent }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("truncate" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("part" as const),
      content: arbContent,
      length: fc.integer({ min: 1, max: 13 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("delete" as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("directory" as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("swap" as const), content: arbContent }) },
);

const arbScript = fc.array(
  fc.record({ dtMs: fc.constantFrom(0, 1, 20, 99, 100, 101, 499, 500, 501, 6000), step: arbOp }),
  { maxLength: 25, size: "max" },
);

/** The content that stood at the path, and from when to when. `undefined`: no file. */
interface Era {
  readonly content: string | undefined;
  readonly fromMs: number;
  untilMs: number;
}

const noResolver: HostResolver = {
  resolve: () => {
    throw new Error("there are no host names here");
  },
};

describe("the fs namer", () => {
  it("G14: shows only what stood long enough, an empty set only after longer, and in the end what is there", async () => {
    await fc.assert(
      fc.asyncProperty(arbScript, fc.boolean(), async (script, events) => {
        const clock = new ManualClock();
        const fs = new FakeFileSystem(clock);
        fs.mkdir("/disco");
        fs.events = events;
        const namer = new FsNamer({
          rootDir: "/disco",
          prefix: Path.read("/io.l5d.fs"),
          clock,
          fs,
          resolver: noResolver,
        });
        const eras: Era[] = [{ content: undefined, fromMs: 0, untilMs: Number.POSITIVE_INFINITY }];
        const shown: { readonly text: string; readonly atMs: number }[] = [];
        let tree: NameTree<Path | Bound> | undefined;
        let addr: { unsubscribe(): void } | undefined;
        let last = "";
        const subscription = namer.lookup(Path.read("/web")).run.changes.subscribe((state) => {
          expect(state.state).not.toBe("failed");
          if (state.state !== "ok") return;
          tree = state.value;
          if (tree.kind !== "leaf" || addr !== undefined) return;
          addr = (tree.value as Bound).addr.changes.subscribe((each) => {
            last =
              each.kind === "bound" ? each.addresses.map((one) => `${one.host} ${one.port}\n`).join("") : each.kind;
            if (each.kind === "bound") shown.push({ text: last, atMs: clock.now() });
          });
        });

        for (const { dtMs, step } of script) {
          await clock.advance(dtMs);
          const content = apply(fs, step);
          const now = clock.now();
          const era = eras.at(-1) as Era;
          era.untilMs = now;
          eras.push({ content, fromMs: now, untilMs: Number.POSITIVE_INFINITY });
        }
        await clock.advance(20_000);

        for (const { text, atMs } of shown) {
          const needMs = text === "" ? settleEmptyMs : settleMs;
          const stood = eras.some(
            (era) => sameAddresses(era.content, text) && atMs - era.fromMs >= needMs && era.untilMs >= atMs,
          );
          expect(stood, `${JSON.stringify(text)} at ${atMs} of ${JSON.stringify(eras)}`).toBe(true);
        }
        const now = eras.at(-1)?.content;
        expect(tree?.kind).toBe(now === undefined ? "neg" : "leaf");
        if (now !== undefined) expect(sameAddresses(now, last)).toBe(true);
        subscription.unsubscribe();
        addr?.unsubscribe();
        await clock.advance(0);
        expect([fs.watches, fs.openFiles, clock.armed]).toEqual([0, 0, 0]);
      }),
      { numRuns: 300 },
    );
  });

  it("G9: leaves nothing behind however many names come and go", async () => {
    const arbVisit = fc.record({ name: fc.integer({ min: 0, max: 30 }), stayMs: fc.constantFrom(0, 1, 100, 5000) });
    await fc.assert(
      fc.asyncProperty(fc.array(arbVisit, { maxLength: 40, size: "max" }), async (visits) => {
        const clock = new ManualClock();
        const fs = new FakeFileSystem(clock);
        fs.mkdir("/disco");
        for (let i = 0; i < 15; i++) fs.write(`/disco/${i}`, "1.1.1.1 80");
        for (let i = 15; i < 20; i++) {
          fs.mkdir(`/disco/${i}`);
          fs.write(`/disco/${i}/0`, "1.1.1.1 80");
        }
        const namer = new FsNamer({
          rootDir: "/disco",
          prefix: Path.read("/io.l5d.fs"),
          clock,
          fs,
          resolver: noResolver,
        });
        const open = new Set<() => void>();
        for (const { name, stayMs } of visits) {
          const subscription = namer.lookup(Path.of(`${name}`, "0")).run.changes.subscribe(() => {});
          const leave = (): void => {
            open.delete(leave);
            subscription.unsubscribe();
          };
          open.add(leave);
          clock.after(stayMs, leave);
          await clock.advance(50);
          if (open.size > 0) expect(namer.watchedDirectories).toBeLessThanOrEqual(6);
        }
        for (const leave of [...open]) leave();
        await clock.advance(10_000);
        expect([fs.watches, clock.armed, namer.watchedDirectories]).toEqual([0, 0, 0]);
      }),
    );
  });
});

type Op = typeof arbOp extends fc.Arbitrary<infer T> ? T : never;

/** Does it, and says what stands at the path afterwards. */
function apply(fs: FakeFileSystem, step: Op): string | undefined {
  const isDirectory = fs.isDirectory(file);
  switch (step.op) {
    case "write":
    case "part":
    case "truncate": {
      const content =
        step.op === "write" ? step.content : step.op === "part" ? step.content.slice(0, 15 + step.length) : "";
      if (isDirectory) fs.remove(file);
      fs.write(file, content);
      return content;
    }
    case "replace":
      fs.write("/disco/.tmp", step.content);
      fs.rename("/disco/.tmp", file);
      return step.content;
    case "delete":
      fs.remove(file);
      return undefined;
    case "directory":
      fs.remove(file);
      fs.mkdir(file);
      return undefined;
    case "swap":
      fs.write(`/elsewhere`, step.content);
      fs.remove(file);
      fs.link(file, "/elsewhere");
      return step.content;
  }
}

/** Whether the text has these addresses; a text cut in the middle of a line may be malformed, and then shows nothing. */
function sameAddresses(content: string | undefined, shown: string): boolean {
  if (content === undefined) return shown === "missing" || shown === "neg";
  const lines = content.split("\n").filter((line) => line !== "");
  const malformed = lines.some((line) => !/^[0-9.]+ [0-9]+$/.test(line) || !/^([0-9]+\.){0,3}[0-9]+ /.test(line));
  if (malformed) return shown === "failed";
  return lines.map((line) => `${expand(line)}\n`).join("") === shown;
}

/** `10.0 80` as the namer reads it. */
function expand(line: string): string {
  const [host = "", port] = line.split(" ");
  const parts = host.split(".").map(Number);
  const tail = parts.pop() as number;
  while (parts.length < 3) parts.push(0);
  return `${showAddress({ host: [...parts, tail].join("."), port: 1, weight: 1, metadata: {} }).slice(0, -2)} ${port}`;
}
