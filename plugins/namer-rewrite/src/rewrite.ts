import { definePlugin, PathMatcherType, PathType, type Plugin, TextType } from "@weftmesh/config";
import { fillTemplate, Path, type PathMatcher, rewriting } from "@weftmesh/naming";
import * as z from "zod";

const kind = "io.l5d.rewrite";

export interface RewriteNamerConfig {
  readonly prefix: Path;
  readonly pattern: PathMatcher;
  readonly name: string;
}

const schema: z.ZodType<RewriteNamerConfig> = z
  .strictObject({
    prefix: PathType.default(() => Path.of(kind)).describe("The namer answers names under /# and this prefix"),
    pattern: PathMatcherType.describe(
      "What the rest of a name must begin with: /a/b, * for any segment, {x} for one to be used in name",
    ),
    name: TextType.describe("The name it becomes, with {x} for what the pattern found; it goes through the dtab again"),
  })
  .superRefine(({ pattern, name }, ctx) => {
    const problem = templateProblem(pattern, name);
    if (problem !== undefined) ctx.addIssue({ code: "custom", path: ["name"], message: problem });
  });

/**
 * The `io.l5d.rewrite` namer: a name that begins with the pattern becomes another name; what stands behind the pattern
 * is dropped, as in Linkerd. Other names are Neg.
 */
export const rewriteNamer: Plugin<"namer", RewriteNamerConfig> = definePlugin({
  type: "namer",
  kind,
  schema,
  make: ({ prefix, pattern, name }) => ({
    prefix,
    namer: rewriting((path) => {
      const rewritten = pattern.substitute(path, name);
      return rewritten === undefined ? undefined : Path.read(rewritten);
    }),
  }),
});

/** Why no name that the template makes could be a path; what is captured may still spoil it. */
function templateProblem(pattern: PathMatcher, template: string): string | undefined {
  const sample = Object.fromEntries(pattern.captureNames.map((name) => [name, "x"]));
  try {
    Path.read(fillTemplate(template, sample));
    return undefined;
  } catch (error) {
    const known = pattern.captureNames.map((name) => `{${name}}`).join(", ") || "nothing";
    const why = error instanceof Error ? error.message : String(error);
    return `does not make a path: ${why}; the pattern captures ${known}`;
  }
}
