import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { ConfigError, Registry, readConfig } from "@weftmesh/config";
import { Params } from "@weftmesh/core";
import { Path } from "@weftmesh/naming";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FsNamer, fsNamer } from "../src/index.ts";

describe("the plugin io.l5d.fs", () => {
  let dir: string;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "weft-namer-fs-"));
  });

  afterEach(() => rm(dir, { recursive: true, force: true }));

  /** What the config reader has against the namer. */
  function complaints(namer: string): readonly string[] {
    try {
      readConfig(`namers:\n- kind: io.l5d.fs\n${namer}`, "weft.yaml", Registry.of([fsNamer]));
      return [];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error.issues.filter((each) => each.keyPath.startsWith("namers")).map((each) => each.message);
    }
  }

  it("takes a directory that exists, also relative to the working directory", () => {
    expect(complaints(`  rootDir: ${dir}\n`)).toEqual([]);
    expect(complaints(`  rootDir: ${relative(process.cwd(), dir)}\n`)).toEqual([]);
  });

  it("refuses a directory that does not exist, or is none, and no directory at all", async () => {
    await writeFile(join(dir, "file"), "");
    expect(complaints(`  rootDir: ${dir}/none\n`).join()).toMatch(/there is no directory/);
    expect(complaints(`  rootDir: ${dir}/file\n`).join()).toMatch(/is not a directory/);
    expect(complaints("")).toHaveLength(1);
  });

  it("answers below /io.l5d.fs unless it is told otherwise", () => {
    const make = (config: object): FsNamer => {
      const schema = fsNamer.schema;
      if (typeof schema === "function") throw new Error("a plain schema expected");
      return fsNamer.make(schema.parse(config), Params.empty) as FsNamer;
    };
    expect(make({ rootDir: dir }).prefix.show).toBe("/io.l5d.fs");
    const other = make({ rootDir: dir, prefix: "/my/fs" });
    expect(other.prefix.equals(Path.read("/my/fs"))).toBe(true);
    expect(other.adminHandlers[0]?.path).toBe("/namer_state/my/fs.json");
  });
});
