import type { Path } from "@weftmesh/naming";
import * as z from "zod";
import { bodiesByKind, kindSchema } from "../kind-schema.ts";
import { PathType, Port, TextType } from "../types.ts";

/** Something that tells others where our servers are. */
export interface Announcer {
  readonly kind: string;
  readonly prefix?: Path | undefined;
  readonly config: unknown;
}

const serversets = () =>
  z.strictObject({
    zkAddrs: z
      .array(
        z.strictObject({
          host: TextType.describe("Host of a ZooKeeper server"),
          port: Port.describe("Port of a ZooKeeper server"),
        }),
      )
      .min(1)
      .meta({ description: "The ZooKeeper ensemble", expects: "a list of host and port that is not empty" }),
    pathPrefix: PathType.prefault("/discovery").describe("Node of ZooKeeper under which servers are announced"),
  });

export function announcersSchema(): z.ZodType<readonly Announcer[]> {
  return z
    .array(
      kindSchema<Announcer>({
        noun: "announcer",
        plural: "announcers",
        discriminator: "kind",
        common: { prefix: PathType.optional().describe("Names of `announce` under /# that are this one's") },
        ...bodiesByKind({ "io.l5d.serversets": serversets }),
        build: (kind, common, config) => ({ kind, ...common, config }) as Announcer,
      }),
    )
    .meta({ expects: "a list of announcers" });
}
