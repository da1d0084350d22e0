import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readCommandLine } from "../src/command-line.ts";
import { readDurationMs } from "../src/duration.ts";

const window = "io.buoyant.telemetry.admin.histogramSnapshotInterval";
/** Flags that are right, each in one of the ways to write it. */
const flag = fc.constantFrom(
  ["-validate"],
  ["--validate=true"],
  ["-validate=false"],
  ["-log.level=DEBUG"],
  ["--log.level=warning"],
  [`-${window}=10.seconds`],
  ["-com.twitter.finagle.tracing.debugTrace=true"],
  ["--plugin=@acme/a"],
  ["--plugin", "./b.js"],
);
const config = fc.oneof(fc.constant("-"), fc.stringMatching(/^[a-z/.]{1,10}$/));
const anything = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "-",
    "--",
    "---",
    "-=",
    "--plugin",
    "-validate=",
    "-log.level",
    "-__proto__",
    "--constructor=x",
    "-h",
  ),
  flag.map(([first]) => first as string),
);

describe("the command line", () => {
  it("has a meaning, or a message that says what is wrong, for any arguments", () => {
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 6 }), (args) => {
        const line = readCommandLine(args);
        expect(["run", "help", "version", "wrong"]).toContain(line.kind);
        if (line.kind === "wrong") expect(line.message).not.toBe("");
        if (line.kind === "run") expect(args).toContain(line.config);
      }),
    );
  });

  it("means the same wherever the config stands among the flags", () => {
    fc.assert(
      fc.property(fc.array(flag, { maxLength: 5 }), config, fc.nat(5), (flags, path, at) => {
        const first = readCommandLine([path, ...flags.flat()]);
        const among = [...flags.slice(0, at), [path], ...flags.slice(at)];
        expect(first.kind).toBe("run");
        expect(readCommandLine(among.flat())).toEqual(first);
      }),
    );
  });

  it("is wrong with two configs, whatever else stands there", () => {
    fc.assert(
      fc.property(fc.array(flag, { maxLength: 3 }), config, config, (flags, a, b) => {
        expect(readCommandLine([a, ...flags.flat(), b]).kind).toBe("wrong");
      }),
    );
  });
});

describe("a duration of a flag", () => {
  it("is the number in its unit, in the singular or the plural, with the point or without", () => {
    const units = { millisecond: 1, second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;
    fc.assert(
      fc.property(
        fc.nat(999_999),
        fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[])),
        fc.boolean(),
        fc.boolean(),
        (n, unit, plural, point) => {
          expect(readDurationMs(`${n}${point ? "." : ""}${unit}${plural ? "s" : ""}`)).toBe(n * units[unit]);
        },
      ),
    );
  });

  it("is undefined or a number of ms for any text", () => {
    const near = fc
      .tuple(fc.stringMatching(/^\d{1,14}$/), fc.constantFrom("day", "hours", ".milliseconds", ".Second", ""))
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.oneof(fc.string(), near), (text) => {
        const read = readDurationMs(text);
        if (read !== undefined) expect(Number.isSafeInteger(read) && read >= 0).toBe(true);
      }),
    );
  });
});
