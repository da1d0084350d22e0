import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { DockerfileParser, ModifiableInstruction } from "dockerfile-ast";
import { root } from "./workspace.ts";

/** The image's Dockerfile, from the root of the repository. */
export const dockerfile = "apps/proxy/deploy/Dockerfile";

/** One instruction of a stage, with what stands behind its keyword. */
export interface Instruction {
  readonly keyword: string;
  readonly text: string;
  /** Undefined for the last stage, which has none. */
  readonly stage: string | undefined;
}

export function instructionsOf(text: string): readonly Instruction[] {
  let stage: string | undefined;
  return DockerfileParser.parse(text)
    .getInstructions()
    .map((each) => {
      const keyword = each.getKeyword();
      const flags = each instanceof ModifiableInstruction ? each.getFlags().map((flag) => `${flag.toString()} `) : [];
      const said = `${flags.join("")}${each.getRawArgumentsContent() ?? ""}`;
      if (keyword === "FROM") stage = /\sAS\s+(\S+)$/i.exec(said)?.[1];
      return { keyword, text: said.replace(/\\\n\s*/g, " "), stage };
    });
}

/** `COPY --from=build a b c/` in its parts. */
export function copyOf(text: string): { from: string | undefined; sources: readonly string[]; to: string } {
  const words = text.split(/\s+/);
  const from = words.find((word) => word.startsWith("--from="))?.slice("--from=".length);
  const paths = words.filter((word) => !word.startsWith("--"));
  return { from, sources: paths.slice(0, -1), to: paths.at(-1) ?? "" };
}

/** The words of a JSON form: `["a", "b"]`. */
export function wordsOf(text: string): readonly string[] {
  return JSON.parse(text.slice(text.indexOf("["))) as readonly string[];
}

/**
 * The files of the repository that a build of the image sees: those that git has, without what the ignore file leaves
 * out. Of its patterns those are understood that ours has: `*`, `!path` and a name behind two stars.
 */
export function contextFiles(): readonly string[] {
  const rules = readFileSync(join(root, `${dockerfile}.dockerignore`), "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  return [...new Set(listed.split("\0").filter(Boolean))].filter((file) => !isIgnored(file, rules));
}

/** The last rule that fits a file decides. */
export function isIgnored(file: string, rules: readonly string[]): boolean {
  let ignored = false;
  for (const rule of rules) {
    const keeps = rule.startsWith("!");
    if (fits(file, keeps ? rule.slice(1) : rule)) ignored = !keeps;
  }
  return ignored;
}

function fits(file: string, pattern: string): boolean {
  if (pattern === "*") return true;
  if (pattern.startsWith("**/")) return file.split("/").includes(pattern.slice(3));
  return file === pattern || file.startsWith(`${pattern}/`);
}

/**
 * Does what the Dockerfile does, in folders: the context is copied to `<at>/src`, the commands of the stage `build` run
 * there with the modules that are installed here already, and the files of the last stage come to lie below
 * `<at>/image`. Base images are left out.
 */
export function buildImage(at: string): string {
  const source = join(at, "src");
  const image = join(at, "image");
  for (const file of contextFiles()) {
    mkdirSync(join(source, dirname(file)), { recursive: true });
    cpSync(join(root, file), join(source, file));
  }
  symlinkSync(join(root, "node_modules"), join(source, "node_modules"));
  for (const { keyword, text, stage } of instructionsOf(readFileSync(join(root, dockerfile), "utf8"))) {
    if (keyword === "RUN" && stage === "build" && !text.startsWith("npm ci ")) {
      execFileSync("sh", ["-c", text], { cwd: source, stdio: ["ignore", "ignore", "inherit"] });
    }
    if (keyword !== "COPY" || stage !== undefined) continue;
    const { sources, to } = copyOf(text);
    for (const each of sources.filter((path) => path.startsWith("/src/"))) {
      const target = join(image, to, to.endsWith("/") ? (each.split("/").at(-1) ?? "") : "");
      mkdirSync(dirname(target), { recursive: true });
      cpSync(join(at, each), target, { recursive: true });
    }
  }
  return image;
}
