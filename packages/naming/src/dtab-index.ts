import type { Dentry } from "./dentry.ts";

interface Node {
  readonly children: Map<string, Node>;
  wild: Node | undefined;
  /** Numbers of the rules whose prefix ends here, in rising order. */
  readonly rules: number[];
}

/**
 * Finds the rules for a name without looking at the others: a tree of prefixes, element by element.
 *
 * Cost: with k elements in the longest prefix, at most 2^k nodes of the tree are looked at (a wildcard and a label at
 * every place), and never more than it has; plus sorting what was found.
 */
export class DtabIndex {
  readonly #root: Node = newNode();

  constructor(entries: readonly Dentry[]) {
    for (const [number, { prefix }] of entries.entries()) {
      let node = this.#root;
      for (const elem of prefix) node = elem === undefined ? wildOf(node) : childOf(node, elem);
      node.rules.push(number);
    }
  }

  /** The numbers of the rules for a name, the last one first. */
  find(elems: readonly string[]): number[] {
    const found = [...this.#root.rules];
    let level = [this.#root];
    for (let i = 0; i < elems.length && level.length > 0; i++) {
      const next: Node[] = [];
      for (const node of level) {
        const child = node.children.get(elems[i] as string);
        if (child !== undefined) next.push(child);
        if (node.wild !== undefined) next.push(node.wild);
      }
      for (const { rules } of next) for (const rule of rules) found.push(rule);
      level = next;
    }
    return found.sort(lastFirst);
  }
}

function lastFirst(a: number, b: number): number {
  return b - a;
}

function newNode(): Node {
  return { children: new Map(), wild: undefined, rules: [] };
}

function childOf(node: Node, elem: string): Node {
  let child = node.children.get(elem);
  if (child === undefined) {
    child = newNode();
    node.children.set(elem, child);
  }
  return child;
}

function wildOf(node: Node): Node {
  node.wild ??= newNode();
  return node.wild;
}
