import type { Dentry } from "./dentry.ts";
import { LabelIndex } from "./label-index.ts";

interface Node {
  readonly children: Map<string, Node>;
  wild: Node | undefined;
  /** Numbers of the rules whose prefix ends here, in rising order. */
  readonly rules: number[];
}

/** A wildcard and a label at each of seven places; prefixes that people write have one or two. */
const maxNodes = 128;

/**
 * Finds the rules for a name without looking at the others: a tree of prefixes, element by element.
 *
 * Cost: a step per element, and twice as many from each place on that has a wildcard beside the label. When that
 * becomes too many an index by single labels takes over, to which wildcards do not matter.
 */
export class DtabIndex {
  readonly #entries: readonly Dentry[];
  readonly #root: Node = newNode();
  #byLabel: LabelIndex | undefined;

  constructor(entries: readonly Dentry[]) {
    this.#entries = entries;
    for (const [number, { prefix }] of entries.entries()) {
      let node = this.#root;
      for (const elem of prefix) node = elem === undefined ? wildOf(node) : childOf(node, elem);
      node.rules.push(number);
    }
  }

  /** The numbers of the rules for a name, the last one first. */
  find(elems: readonly string[]): number[] {
    return (this.#walk(elems) ?? this.#labels().find(elems)).sort(lastFirst);
  }

  #walk(elems: readonly string[]): number[] | undefined {
    const found = [...this.#root.rules];
    let level = [this.#root];
    for (let i = 0; i < elems.length && level.length > 0; i++) {
      const next: Node[] = [];
      for (const node of level) {
        const child = node.children.get(elems[i] as string);
        if (child !== undefined) next.push(child);
        if (node.wild !== undefined) next.push(node.wild);
      }
      if (next.length > maxNodes) return undefined;
      for (const { rules } of next) for (const rule of rules) found.push(rule);
      level = next;
    }
    return found;
  }

  #labels(): LabelIndex {
    this.#byLabel ??= new LabelIndex(this.#entries);
    return this.#byLabel;
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
