/** A stretch of the text, in UTF-16 units from 0. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A node that stands nowhere in the text: a profile put it there, whose key its span is. */
export interface FromProfile {
  readonly profile?: string;
}

export type ScalarValue = string | number | boolean | null;

/** A value that is not a collection. */
export interface ScalarNode extends Span, FromProfile {
  readonly kind: "scalar";
  readonly value: ScalarValue;
  /** As it was written, for a plain number or boolean whose text says more than its value: `010`, `1.50`. */
  readonly written?: string;
  /** Where the character `at` of a text value stands in the source. */
  readonly offsetOf?: (at: number) => number;
}

export interface ListNode extends Span {
  readonly kind: "list";
  readonly items: readonly SourceNode[];
}

/** A key where it was written, and what it leads to. */
export interface Entry {
  readonly key: Span;
  readonly value: SourceNode;
}

export interface MapNode extends Span, FromProfile {
  readonly kind: "map";
  readonly entries: ReadonlyMap<string, Entry>;
}

/** What was read, with its place in the text. A YAML alias is the very node that it stands for. */
export type SourceNode = ScalarNode | ListNode | MapNode;

export type KeyPath = readonly (string | number)[];

/** The text of a config, and the tree that was read from it. */
export interface Source {
  /** What messages call it: a file name, or `-`. */
  readonly name: string;
  /** Without a byte order mark. */
  readonly text: string;
  readonly root: SourceNode;
}

/** The plain value of a node. A key named `__proto__` is left out: it is refused wherever it stands. */
export function plainValue(node: SourceNode): unknown {
  switch (node.kind) {
    case "scalar":
      return node.value;
    case "list":
      return node.items.map(plainValue);
    case "map": {
      const value: Record<string, unknown> = {};
      for (const [key, entry] of node.entries) if (key !== "__proto__") value[key] = plainValue(entry.value);
      return value;
    }
  }
}

/** The node at a path, and the key that leads to it. `depth` tells how much of the path is there. */
export interface Place {
  readonly node: SourceNode;
  readonly key: Span | undefined;
  readonly depth: number;
}

/** Walks down as far as the path is there. */
export function placeOf(root: SourceNode, path: KeyPath): Place {
  let place: Place = { node: root, key: undefined, depth: 0 };
  for (const step of path) {
    const { node, depth } = place;
    if (node.kind === "map") {
      const entry = node.entries.get(String(step));
      if (entry === undefined) return place;
      place = { node: entry.value, key: entry.key, depth: depth + 1 };
    } else if (node.kind === "list") {
      const item = typeof step === "number" ? node.items[step] : undefined;
      if (item === undefined) return place;
      place = { node: item, key: undefined, depth: depth + 1 };
    } else return place;
  }
  return place;
}

const plainKey = /^[A-Za-z_$][\w$-]*$/;

/** `routers[0].servers[1].port`; a key that is not a plain word is put in brackets and quotes. */
export function showPath(path: KeyPath): string {
  let shown = "";
  for (const step of path) {
    if (typeof step === "number") shown += `[${step}]`;
    else if (plainKey.test(step)) shown += shown === "" ? step : `.${step}`;
    else shown += `[${JSON.stringify(step.length > 60 ? `${step.slice(0, 60)}...` : step)}]`;
  }
  return shown;
}
