import { nearest } from "./nearest.ts";

export interface Arguments {
  readonly scenarios: readonly string[];
  readonly seed: number;
  readonly json: boolean;
  readonly list: boolean;
  readonly help: boolean;
  readonly all: boolean;
  readonly svg: string | undefined;
  /** A module that exports scenarios of one's own. */
  readonly file: string | undefined;
}

/** The words that the command was given make no sense. */
export class UsageError extends Error {
  override name = "UsageError";
}

const flags = ["--json", "--list", "--help", "--all"] as const;
const valued = ["--seed", "--svg", "--file"] as const;
const options: readonly string[] = [...flags, ...valued];
const short: Readonly<Record<string, string>> = { "-h": "--help", "-l": "--list", "-s": "--seed" };

/** Reads the words after the command. Errors: UsageError, which says what was meant if that can be told. */
export function readArguments(words: readonly string[]): Arguments {
  const set = new Set<string>();
  const values = new Map<string, string>();
  const scenarios: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    if (!word.startsWith("-")) {
      scenarios.push(word);
      continue;
    }
    const equals = word.indexOf("=");
    const written = equals === -1 ? word : word.slice(0, equals);
    const name = short[written] ?? written;
    if ((flags as readonly string[]).includes(name)) {
      if (equals !== -1) throw new UsageError(`${written} takes no value`);
      set.add(name);
    } else if ((valued as readonly string[]).includes(name)) {
      const value = equals === -1 ? words[++i] : word.slice(equals + 1);
      if (value === undefined || value === "") throw new UsageError(`${written} needs a value`);
      values.set(name, value);
    } else {
      const meant = nearest(name, options);
      throw new UsageError(`unknown option ${written}${meant === undefined ? "" : `; did you mean ${meant}?`}`);
    }
  }
  return {
    scenarios,
    seed: readSeed(values.get("--seed")),
    json: set.has("--json"),
    list: set.has("--list"),
    help: set.has("--help"),
    all: set.has("--all"),
    svg: values.get("--svg"),
    file: values.get("--file"),
  };
}

function readSeed(text: string | undefined): number {
  if (text === undefined) return 1;
  const seed = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(seed)) {
    throw new UsageError(`--seed must be a whole number of at least 0, not ${text}`);
  }
  return seed;
}
