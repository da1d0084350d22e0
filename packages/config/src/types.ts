import { statSync } from "node:fs";
import { isIP, isIPv4 } from "node:net";
import { Dtab, Path, PathMatcher } from "@weftmesh/naming";
import * as z from "zod";
import { LinearRegex } from "./linear-regex.ts";
import type { IssueParams } from "./schema-switch.ts";

// A config is read once: code that zod would generate to read it faster costs more time and memory than it saves.
z.config({ jitless: true });

const maxInt = 2_147_483_647;

/** Text. A bare number or boolean counts as the text that it is written as, as in Linkerd. */
export const TextType: z.ZodType<string> = z
  .preprocess((raw) => (typeof raw === "number" || typeof raw === "boolean" ? String(raw) : raw), z.string())
  .meta({ expects: "text", text: true, examples: ["text"] });

/** Text that no listing, message or `/config.json` shows. */
export const SecretType: z.ZodType<string> = TextType.meta({ expects: "text", text: true, secret: true });

/** Marks any schema so that its value is masked wherever a config is shown. */
export function secret<T>(schema: z.ZodType<T>): z.ZodType<T> {
  return schema.meta({ secret: true });
}

export const Flag: z.ZodType<boolean> = z.boolean().meta({ expects: "true or false", examples: [true] });

/** A bare integer; a quoted one is refused, as in Linkerd. 0 asks the system for a free port where that is allowed. */
export const Port: z.ZodType<number> = integer(0, 65_535, "a port: an integer from 0 to 65535", 4140);

export const DurationMs: z.ZodType<number> = integer(0, maxInt, `milliseconds: an integer from 0 to ${maxInt}`, 1000);
export const DurationSecs: z.ZodType<number> = integer(0, maxInt, `seconds: an integer from 0 to ${maxInt}`, 10);
export const Kilobytes: z.ZodType<number> = integer(0, maxInt, `kilobytes: an integer from 0 to ${maxInt}`, 5);
export const Count: z.ZodType<number> = integer(0, maxInt, `an integer from 0 to ${maxInt}`, 10);
export const PositiveCount: z.ZodType<number> = integer(1, maxInt, `an integer from 1 to ${maxInt}`, 5);
export const Ratio: z.ZodType<number> = decimal(0, 1, "a number from 0 to 1", 0.5);

/** An integer within limits; `expects` is what a message says. */
export function integer(min: number, max: number, expects: string, example: number): z.ZodType<number> {
  return z
    .int()
    .min(min)
    .max(max)
    .meta({ expects, examples: [example] });
}

/** A number within limits. */
export function decimal(min: number, max: number, expects: string, example: number): z.ZodType<number> {
  return z
    .number()
    .min(min)
    .max(max)
    .meta({ expects, examples: [example] });
}

/** One of some words. */
export function oneOf<const W extends string>(...words: readonly [W, ...W[]]): z.ZodType<W> {
  return z.enum(words).meta({ expects: `one of ${words.join(", ")}` }) as unknown as z.ZodType<W>;
}

/** Text that a reader turns into something else. What it throws is the message; its `at` is the offending character. */
export function textOf<T>(read: (text: string) => T, expects: string, example: string): z.ZodType<T> {
  return z
    .string()
    .transform((text, ctx): T => {
      try {
        return read(text);
      } catch (thrown) {
        const { message, at } = thrown as { message?: unknown; at?: unknown };
        const params: IssueParams = { expected: expects, ...(typeof at === "number" ? { at } : {}) };
        const said = String(message ?? thrown);
        ctx.issues.push({ code: "custom", input: text, message: said, params: { ...params } });
        return z.NEVER;
      }
    })
    .meta({ expects, examples: [example] });
}

/** A literal IPv4 or IPv6 address; host names are refused, as in Linkerd. */
export const ServerIp: z.ZodType<string> = textOf(readIp, "an IPv4 or IPv6 address, not a host name", "127.0.0.1");

function readIp(text: string): string {
  if (isIP(text) === 0 || text.includes("%")) throw new Error("not an IPv4 or IPv6 address");
  return text;
}

/** One text for every way to write the same address, for comparing. */
export function canonicalIp(text: string): string {
  if (isIPv4(text) || isIP(text) === 0) return text;
  return new URL(`http://[${text}]`).hostname.slice(1, -1);
}

export const PathType: z.ZodType<Path> = textOf((text) => Path.read(text), "a path such as /svc/web", "/svc/web");

export const DtabType: z.ZodType<Dtab> = textOf(
  (text) => Dtab.read(text),
  "a dtab such as /svc => /#/io.l5d.fs",
  "/svc => /#/io.l5d.fs",
);

export const PathMatcherType: z.ZodType<PathMatcher> = textOf(
  (text) => PathMatcher.read(text),
  "a path pattern such as /#/*/{service}",
  "/svc/*",
);

/** A regular expression that matches in time linear in its input; matched against the whole of it. */
export const RegexType: z.ZodType<LinearRegex> = textOf(
  (text) => LinearRegex.read(text),
  "a regular expression",
  "/admin/.*",
);

export type LogLevelName = "OFF" | "FATAL" | "CRITICAL" | "ERROR" | "WARNING" | "INFO" | "DEBUG" | "TRACE" | "ALL";
const levels: readonly string[] = ["OFF", "FATAL", "CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "TRACE", "ALL"];

/** A log level in any case; read as upper case. */
export const LogLevel: z.ZodType<LogLevelName> = textOf(readLevel, `one of ${levels.join(", ")}`, "INFO");

function readLevel(text: string): LogLevelName {
  const level = text.toUpperCase();
  if (!levels.includes(level)) throw new Error("not a log level");
  return level as LogLevelName;
}

/** The path of a file, which need not be there yet. */
export const File: z.ZodType<string> = TextType.meta({
  expects: "the path of a file",
  text: true,
  examples: ["a.txt"],
});

/** The path of a directory, which must be there. */
export const Directory: z.ZodType<string> = textOf(readDirectory, "the path of a directory that exists", ".");

function readDirectory(text: string): string {
  const found = statSync(text, { throwIfNoEntry: false });
  if (found === undefined) throw new Error(`there is no directory ${JSON.stringify(text)}`);
  if (!found.isDirectory()) throw new Error(`${JSON.stringify(text)} is not a directory`);
  return text;
}

/** A key that may be left out and then has this value, put in by whoever reads the merged config, not by the schema. */
export function fallsBackTo<T>(schema: z.ZodType<T>, value: unknown): z.ZodOptional<z.ZodType<T>> {
  return schema.optional().meta({ default: value }) as z.ZodOptional<z.ZodType<T>>;
}

/** The schema of a plugin that has no keys of its own. */
export const NoKeys: z.ZodType<object> = z.strictObject({});
