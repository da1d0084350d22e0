import { type KeyPath, showPath } from "../src/source.ts";

/** A change to what is printed, at the key with this path. */
export interface Mutation {
  readonly path: KeyPath;
  /** Text that stands in place of the value. */
  readonly value?: string;
  /** A line that stands behind the key, beside it. */
  readonly sibling?: string;
}

/** Block YAML with one key a line, and the line of each key. */
export function printYaml(
  root: unknown,
  mutation?: Mutation,
): { readonly text: string; readonly lines: Map<string, number> } {
  const out: string[] = [];
  const lines = new Map<string, number>();
  const target = mutation === undefined ? undefined : showPath(mutation.path);
  const print = (value: unknown, path: KeyPath, indent: string): void => {
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) {
        out.push(`${indent}-`);
        if (isCollection(item)) print(item, [...path, index], `${indent}  `);
        else out[out.length - 1] += ` ${JSON.stringify(item)}`;
      }
      return;
    }
    for (const [key, inner] of Object.entries(value as Record<string, unknown>)) {
      const own = [...path, key];
      const shown = showPath(own);
      lines.set(shown, out.length + 1);
      const mutated = shown === target;
      if (mutated && mutation?.value !== undefined) out.push(`${indent}${key}: ${mutation.value}`);
      else if (isCollection(inner)) {
        out.push(`${indent}${key}:`);
        print(inner, own, `${indent}  `);
      } else out.push(`${indent}${key}: ${JSON.stringify(inner)}`);
      if (mutated && mutation?.sibling !== undefined) {
        lines.set("sibling", out.length + 1);
        out.push(`${indent}${mutation.sibling}`);
      }
    }
  };
  print(root, [], "");
  return { text: `${out.join("\n")}\n`, lines };
}

function isCollection(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}
