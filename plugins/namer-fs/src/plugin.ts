import { resolve } from "node:path";
import { Directory, definePlugin, PathType, type Plugin } from "@weftmesh/config";
import { ClockParam } from "@weftmesh/core";
import { HostResolverParam, type Path } from "@weftmesh/naming";
import * as z from "zod";
import { nodeFileSystem } from "./file-system.ts";
import { FsNamer } from "./fs-namer.ts";

/** The keys of `io.l5d.fs`. */
export interface FsNamerConfig {
  readonly rootDir: string;
  readonly prefix: Path;
}

const schema: z.ZodType<FsNamerConfig> = z.strictObject({
  rootDir: Directory.describe("Directory whose files hold the addresses; relative to the working directory"),
  prefix: PathType.prefault("/io.l5d.fs").describe("Where the namer answers, below /#"),
});

export const fsNamer: Plugin<"namer", FsNamerConfig> = definePlugin({
  type: "namer",
  kind: "io.l5d.fs",
  schema,
  make: ({ rootDir, prefix }, params) =>
    new FsNamer({
      rootDir: resolve(rootDir),
      prefix,
      clock: params.get(ClockParam),
      fs: nodeFileSystem,
      resolver: params.get(HostResolverParam),
    }),
});
