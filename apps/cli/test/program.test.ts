import { standardPlugins } from "@weftmesh/standard";
import { describe, expect, it } from "vitest";
import { weft } from "./run.ts";

describe("weft", () => {
  it("shows help with examples for itself and for every command, and succeeds", async () => {
    const { code, out } = await weft("--help");
    expect(code).toBe(0);
    for (const command of ["check", "schema", "proxy", "plugins"]) {
      expect(out).toContain(command);
      const help = await weft(command, "--help");
      expect([command, help.code]).toEqual([command, 0]);
      expect(help.out).toMatch(/Examples?:\n {2}weft /);
    }
  });

  it("says its version", async () => {
    expect(await weft("--version")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^weftmesh \d+\.\d+\.\d+\n$/),
    });
  });

  it("fails with one line about a command or an option that it does not know, and nothing on standard output", async () => {
    for (const args of [["chek"], ["check", "--jsn", "x"], ["check"]]) {
      const { code, out, err } = await weft(...args);
      expect([args, code === 0, out]).toEqual([args, false, ""]);
      expect(err).toMatch(/^error: /);
    }
    expect((await weft("chek")).err).toContain("check");
  });

  it("prints a JSON Schema that knows the kinds of this build", async () => {
    const { code, out } = await weft("schema");
    expect(code).toBe(0);
    const schema = JSON.parse(out);
    expect(schema.$schema).toBe("https://json-schema.org/draft/2020-12/schema");
    for (const kind of ["io.l5d.fs", "io.l5d.header.token", "io.l5d.http.retryableRead5XX"])
      expect(out).toContain(kind);
  });

  it("lists the plugins of this build, for people and as JSON", async () => {
    const people = await weft("plugins");
    const programs = await weft("plugins", "--json");
    const rows = JSON.parse(programs.out);
    expect(rows).toHaveLength(standardPlugins.length);
    expect(rows).toContainEqual({ type: "namer", kind: "io.l5d.fs", experimental: false });
    expect(people.out.trimEnd().split("\n")).toHaveLength(standardPlugins.length + 1);
    expect(people.out).toMatch(/^namer +io\.l5d\.fs$/m);
  });
});
