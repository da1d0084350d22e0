import { ManualClock } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nearest } from "../src/command/nearest.ts";
import { Progress } from "../src/command/progress.ts";
import {
  backends,
  type CommandStreams,
  constantArrivals,
  constantLatency,
  type Scenario,
  simulateCommand,
} from "../src/index.ts";
import { overBalancer } from "./stacks.ts";

function scenario(name: string, holds = true): Scenario {
  return {
    name,
    summary: `what ${name} is`,
    experiments: [
      {
        kind: "traffic",
        name: "only",
        durationMs: 1000,
        tiers: [{ name: "web", backends: backends(1, { latency: constantLatency(1) }) }],
        load: { to: "web", arrivals: constantArrivals(10), through: overBalancer() },
      },
    ],
    claims: () => [{ what: "a claim", found: "x", expected: "y", holds }],
  };
}

const catalog = [scenario("slow-backend"), scenario("retry-storm"), scenario("broken", false)];

interface Done {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly files: Record<string, string>;
}

async function simulate(...words: string[]): Promise<Done> {
  let out = "";
  let err = "";
  const files: Record<string, string> = {};
  const streams: CommandStreams = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    outIsTerminal: false,
    errIsTerminal: false,
    env: {},
    clock: new ManualClock(),
    writeFile: (path, text) => {
      files[path] = text;
      return path.includes("nowhere") ? Promise.reject(new Error(`no such folder: ${path}`)) : Promise.resolve();
    },
  };
  const code = await simulateCommand(words, streams, catalog);
  return { code, out, err, files };
}

describe("the command", () => {
  it("runs a scenario, prints its report, and keeps what differs from run to run off the output", async () => {
    const done = await simulate("slow-backend");
    expect(done).toMatchObject({ code: 0, files: {} });
    expect(done.out).toMatch(/^slow-backend: what slow-backend is \(seed 1\)\n/);
    expect(done.out).toContain("100.000 %");
    expect(done.err).toMatch(/s simulated in 0\.00 s/);
    expect((await simulate("slow-backend")).out).toBe(done.out);
  });

  it("takes a seed, and JSON, and several scenarios", async () => {
    const done = await simulate("retry-storm", "--seed", "7", "--json");
    expect(JSON.parse(done.out)).toMatchObject({ scenario: "retry-storm", seed: 7, holds: true });
    expect((await simulate("retry-storm", "--seed=7", "--json")).out).toBe(done.out);
    expect((await simulate("slow-backend", "retry-storm")).out).toMatch(/slow-backend: [\s\S]*\nretry-storm: /);
    expect((await simulate("--all")).out).toMatch(/slow-backend: [\s\S]*retry-storm: [\s\S]*broken: /);
  });

  it("writes charts, one file for each scenario", async () => {
    expect((await simulate("slow-backend", "--svg", "a.svg")).files["a.svg"]).toMatch(/^<svg /);
    expect(Object.keys((await simulate("slow-backend", "retry-storm", "--svg", "a.svg")).files)).toEqual([
      "a-slow-backend.svg",
      "a-retry-storm.svg",
    ]);
    expect(await simulate("slow-backend", "--svg", "nowhere/a.svg")).toMatchObject({
      code: 1,
      err: expect.stringContaining("no such folder") as string,
    });
  });

  it("lists what there is, and helps with examples", async () => {
    const list = await simulate("--list");
    expect(list).toMatchObject({ code: 0, err: "" });
    expect(list.out).toMatch(/slow-backend +what slow-backend is\n/);
    const help = await simulate("--help");
    expect(help).toMatchObject({ code: 0, err: "" });
    for (const part of ["Usage:", "Examples:", "npm run simulate -- slow-backend", "Exit code:", "--seed"]) {
      expect(help.out).toContain(part);
    }
    expect((await simulate("-h")).out).toBe(help.out);
  });

  it("says with its exit code that a claim does not hold", async () => {
    const done = await simulate("broken");
    expect(done.code).toBe(1);
    expect(done.out).toContain("FAILS");
    expect((await simulate("broken", "slow-backend")).code).toBe(1);
  });

  it.each([
    [["slow-bakend"], "unknown scenario slow-bakend; did you mean slow-backend?"],
    [["storm"], "unknown scenario storm; did you mean retry-storm?"],
    [["nothing-like-it"], "unknown scenario nothing-like-it; --list shows those there are"],
    [[], "which scenario? --list shows those there are, --help the rest"],
    [["slow-backend", "--sede", "3"], "unknown option --sede; did you mean --seed?"],
    [["slow-backend", "--seed", "x"], "--seed must be a whole number of at least 0, not x"],
    [["slow-backend", "--seed", "-1"], "--seed must be a whole number of at least 0, not -1"],
    [["slow-backend", "--seed"], "--seed needs a value"],
    [["slow-backend", "--svg="], "--svg needs a value"],
    [["slow-backend", "--json=yes"], "--json takes no value"],
    [["--file", "test/none.ts", "x"], "test/none.ts cannot be loaded: "],
    [["--file", "packages/simulator/test/stacks.ts", "x"], "packages/simulator/test/stacks.ts exports no scenario"],
  ])("does not guess: %j", async (words, message) => {
    const done = await simulate(...words);
    expect(done).toMatchObject({ code: 2, out: "" });
    expect(done.err).toContain(message);
    expect(done.err.endsWith("\n")).toBe(true);
  });

  it("runs scenarios of one's own", async () => {
    const done = await simulate("--file", "packages/simulator/test/own-scenario.ts", "own-scenario");
    expect(done.err).toContain("s simulated");
    expect(done.code).toBe(0);
    expect(done.out).toContain("own-scenario: somebody's own");
    expect((await simulate("--file", "packages/simulator/test/own-scenario.ts", "--list")).out).toContain(
      "own-scenario",
    );
  });
});

describe("progress", () => {
  it("rewrites one line on a terminal, and is silent elsewhere", () => {
    const written: string[] = [];
    const progress = new Progress(true, (text) => written.push(text));
    progress.show("a", 0.5);
    progress.show("a", 0.5);
    progress.clear();
    progress.clear();
    expect(written).toEqual([`\r\u001b[K${"█".repeat(12)}${"░".repeat(12)}  50 %  a`, "\r\u001b[K"]);
    const silent = new Progress(false, (text) => written.push(text));
    silent.show("a", 1);
    silent.clear();
    expect(written).toHaveLength(2);
  });
});

describe("the nearest name", () => {
  const names = ["slow-backend", "fast-failure", "cold-start", "retry-storm", "five-tiers"];

  it("is the name itself, and survives a letter too many, too few, wrong or swapped", () => {
    const at = fc.nat();
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        at,
        fc.constantFrom("x", "z"),
        fc.constantFrom("add", "drop", "change", "swap"),
        (name, where, letter, how) => {
          const i = where % (name.length - 1);
          const [before, here, next, after] = [name.slice(0, i), name[i], name[i + 1], name.slice(i + 2)];
          const typed =
            how === "add"
              ? name.slice(0, i) + letter + name.slice(i)
              : how === "drop"
                ? before + next + after
                : how === "change"
                  ? before + letter + next + after
                  : before + next + here + after;
          expect(nearest(name, names)).toBe(name);
          expect(nearest(typed, names)).toBe(name);
          expect(nearest(typed.toUpperCase(), names)).toBe(name);
        },
      ),
    );
  });

  it("is none for what is like nothing", () => {
    expect(nearest("qqqqqqqq", names)).toBeUndefined();
    expect(nearest("", names)).toBeUndefined();
  });
});
