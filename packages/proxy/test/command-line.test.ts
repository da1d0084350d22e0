import { describe, expect, it } from "vitest";
import { readCommandLine } from "../src/command-line.ts";
import { readDurationMs } from "../src/duration.ts";

const run = (...args: string[]) => readCommandLine(args);

describe("the command line", () => {
  it("is one config, or - for standard input", () => {
    expect(run("a.yaml")).toMatchObject({ kind: "run", config: "a.yaml", validateOnly: false, plugins: [] });
    expect(run("-")).toMatchObject({ kind: "run", config: "-" });
    for (const wrong of [run(), run("a", "b")]) {
      expect(wrong).toEqual({ kind: "wrong", message: "usage: linkerd path/to/config" });
    }
  });

  it("takes the flags of Linkerd, before the config or after it", () => {
    expect(run("-validate", "a")).toMatchObject({ validateOnly: true });
    expect(run("a", "-validate=true")).toMatchObject({ validateOnly: true });
    expect(run("-validate=false", "a")).toMatchObject({ validateOnly: false });
    expect(run("-log.level=debug", "a")).toMatchObject({ logLevel: "DEBUG" });
    expect(run("-com.twitter.finagle.tracing.debugTrace=true", "a")).toMatchObject({ kind: "run" });
    expect(run("-io.buoyant.telemetry.admin.histogramSnapshotInterval=10.seconds", "a")).toMatchObject({
      histogramWindowMs: 10_000,
    });
  });

  it("takes packages of plugins", () => {
    expect(run("--plugin", "@acme/x", "a", "--plugin=./y.js")).toMatchObject({ plugins: ["@acme/x", "./y.js"] });
    expect(run("a", "--plugin")).toMatchObject({ kind: "wrong" });
  });

  it("refuses what it does not know, and says so", () => {
    for (const flag of [
      "-nope",
      "-validate=maybe",
      "-log.level=LOUD",
      "-io.buoyant.telemetry.admin.histogramSnapshotInterval=soon",
    ]) {
      expect(run(flag, "a")).toMatchObject({ kind: "wrong", message: expect.stringContaining(flag) });
    }
  });

  it("asks for help and the version", () => {
    expect(run("--help").kind).toBe("help");
    expect(run("--version").kind).toBe("version");
  });
});

describe("a duration of a flag", () => {
  it("is read as Twitter's flags write it", () => {
    expect(readDurationMs("1.minute")).toBe(60_000);
    expect(readDurationMs("250.milliseconds")).toBe(250);
    expect(readDurationMs("2hours")).toBe(7_200_000);
    for (const wrong of ["", "1", "minute", "-1.second", "1.fortnight"]) expect(readDurationMs(wrong)).toBeUndefined();
  });
});
