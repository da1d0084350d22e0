import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Scenario } from "../scenario.ts";
import { UsageError } from "./arguments.ts";

/** The scenarios that a module exports, under whatever names, one by one or in lists. */
export async function loadScenarios(file: string): Promise<readonly Scenario[]> {
  let module: Record<string, unknown>;
  try {
    module = (await import(pathToFileURL(resolve(file)).href)) as Record<string, unknown>;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`${file} cannot be loaded: ${why}`, { cause });
  }
  const found = new Set(Object.values(module).flat().filter(isScenario));
  if (found.size === 0) throw new UsageError(`${file} exports no scenario`);
  return [...found];
}

function isScenario(value: unknown): value is Scenario {
  if (typeof value !== "object" || value === null) return false;
  const { name, summary, experiments } = value as Partial<Record<keyof Scenario, unknown>>;
  return typeof name === "string" && typeof summary === "string" && Array.isArray(experiments);
}
