import { type Document, isAlias, isMap, isScalar, isSeq, Lexer, type Pair, parseDocument, type Scalar } from "yaml";
import type { Issues } from "./issues.ts";
import { plainScalar } from "./plain-scalar.ts";
import { type ScalarStyle, scalarOffset } from "./scalar-offset.ts";
import type { Entry, KeyPath, MapNode, ScalarNode, ScalarValue, SourceNode, Span } from "./source.ts";
import { yamlMistake } from "./yaml-mistake.ts";

const maxDepth = 100;
/** Nodes that aliases and merge keys may add to those that are written down. */
const maxAliasNodes = 100_000;
/**
 * Words, marks, spaces and line ends outside texts: some 25,000 keys. The parser needs up to 700 bytes for each, while
 * counting them needs none, so that is done first.
 */
const maxLexemes = 200_000;
const standardTag = "tag:yaml.org,2002:";

/** Reads one YAML document with the place of everything; `undefined` when it cannot be read, which is in `issues`. */
export function readYaml(text: string, issues: Issues): SourceNode | undefined {
  if (isTooLong(text)) {
    const message = `the config has more than ${maxLexemes} words and marks; the limit keeps memory bounded`;
    issues.add({ rule: "tooLarge", path: [], offset: 0, message });
    return undefined;
  }
  let document: Document;
  try {
    document = parseDocument(text, {
      schema: "failsafe",
      version: "1.2",
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "error",
      keepSourceTokens: false,
    });
  } catch (thrown) {
    const deep = thrown instanceof RangeError;
    const message = deep ? `nested more than ${maxDepth} deep` : `not valid YAML: ${String(thrown)}`;
    issues.add({ rule: "syntax", path: [], offset: 0, message });
    return undefined;
  }
  const mistakes = document.errors.filter((error) => error.code !== "TAG_RESOLVE_FAILED");
  for (const error of mistakes) {
    issues.add({
      rule: "syntax",
      path: [],
      offset: error.pos[0],
      message: `not valid YAML: ${yamlMistake(error.code)}`,
    });
  }
  return mistakes.length > 0 ? undefined : new YamlReader(text, issues).read(document.contents);
}

function isTooLong(text: string): boolean {
  let count = 0;
  for (const _lexeme of new Lexer().lex(text)) if (++count > maxLexemes) return true;
  return false;
}

class YamlReader {
  readonly #text: string;
  readonly #issues: Issues;
  readonly #path: (string | number)[] = [];
  readonly #anchors = new Map<string, { readonly node: SourceNode; readonly size: number }>();
  /** Nodes read so far, with those behind aliases counted each time. */
  #nodes = 0;
  #added = 0;

  constructor(text: string, issues: Issues) {
    this.#text = text;
    this.#issues = issues;
  }

  read(node: unknown): SourceNode {
    return this.#node(node, { start: 0, end: 0 });
  }

  #node(node: unknown, behind: Span): SourceNode {
    if (isAlias(node)) return this.#alias(node.source, spanOf(node, behind));
    const before = this.#nodes++;
    const read = this.#written(node, behind);
    const anchor = (node as { anchor?: string } | null)?.anchor;
    if (anchor !== undefined && anchor !== "") this.#anchors.set(anchor, { node: read, size: this.#nodes - before });
    return read;
  }

  #written(node: unknown, behind: Span): SourceNode {
    const span = spanOf(node, behind);
    if (this.#path.length > maxDepth) {
      this.#refuse(span.start, `nested more than ${maxDepth} deep`);
      return { kind: "scalar", value: null, ...span };
    }
    if (isMap(node)) {
      this.#checkTag(node.tag, "map", span);
      return this.#map(node.items, span);
    }
    if (isSeq(node)) {
      this.#checkTag(node.tag, "seq", span);
      const items = node.items.map((item, index) => this.#at(index, () => this.#node(item, span)));
      return { kind: "list", items, ...span };
    }
    if (isScalar(node)) return this.#scalar(node, span);
    return { kind: "scalar", value: null, start: behind.end, end: behind.end };
  }

  #at<T>(step: string | number, read: () => T): T {
    this.#path.push(step);
    const value = read();
    this.#path.pop();
    return value;
  }

  #alias(name: string, span: Span): SourceNode {
    const target = this.#anchors.get(name);
    if (target === undefined) {
      this.#refuse(span.start, `the alias *${name} has no anchor &${name} that is complete before it`);
      return { kind: "scalar", value: null, ...span };
    }
    this.#count(target.size, span.start);
    return this.#added > maxAliasNodes ? { kind: "scalar", value: null, ...span } : target.node;
  }

  #count(size: number, offset: number): void {
    this.#nodes += size;
    const before = this.#added;
    this.#added += size;
    if (before <= maxAliasNodes && this.#added > maxAliasNodes) {
      this.#refuse(offset, `aliases stand for more than ${maxAliasNodes} values`);
    }
  }

  #map(pairs: readonly Pair[], span: Span): MapNode {
    const entries = new Map<string, Entry>();
    const merged: { readonly node: SourceNode; readonly key: Span }[] = [];
    for (const pair of pairs) {
      const key = this.#key(pair, span);
      if (key === undefined) continue;
      const value = this.#at(key.name, () => this.#node(pair.value, key.span));
      if (key.merge) merged.push({ node: value, key: key.span });
      else if (entries.has(key.name)) {
        const path = [...this.#path, key.name];
        // It is read no further, so nobody finds out whether it is a secret.
        this.#issues.hide(value);
        this.#issues.add({ rule: "duplicateKey", path, offset: key.span.start, message: "duplicate key" });
      } else entries.set(key.name, { key: key.span, value });
    }
    for (const each of merged) this.#merge(entries, each.node, each.key);
    return { kind: "map", entries, ...span };
  }

  /** `<<`: the keys that are not there yet; of several maps the first counts. */
  #merge(entries: Map<string, Entry>, node: SourceNode, key: Span): void {
    for (const from of node.kind === "list" ? node.items : [node]) {
      if (from.kind !== "map") {
        this.#refuse(key.start, "the merge key << takes a map or a list of maps");
        return;
      }
      this.#count(from.entries.size, key.start);
      if (this.#added > maxAliasNodes) return;
      for (const [name, entry] of from.entries) if (!entries.has(name)) entries.set(name, entry);
    }
  }

  #key(pair: Pair, map: Span): { readonly name: string; readonly span: Span; readonly merge: boolean } | undefined {
    const span = spanOf(pair.key, map);
    if (
      !isScalar(pair.key) ||
      typeof pair.key.value !== "string" ||
      (pair.key.value === "" && span.start === span.end)
    ) {
      this.#refuse(span.start, "a key must be a word");
      return undefined;
    }
    this.#checkTag(pair.key.tag, "str", span);
    const name = pair.key.value;
    return { name, span, merge: name === "<<" && pair.key.type === "PLAIN" };
  }

  #scalar(node: Scalar, span: Span): ScalarNode {
    const text = String(node.value ?? "");
    const style = styleOf(node.type);
    const value = this.#scalarValue(text, style, node.tag, span);
    if (typeof value === "string") {
      const { start, end } = span;
      return {
        kind: "scalar",
        value,
        ...span,
        offsetOf: (at) => scalarOffset(this.#text, start, end, style, value, at),
      };
    }
    const written = value !== null && String(value) !== text ? { written: text } : {};
    return { kind: "scalar", value, ...span, ...written };
  }

  #scalarValue(text: string, style: ScalarStyle, tag: string | undefined, span: Span): ScalarValue {
    const plain = style === "plain" ? plainScalar(text) : text;
    const wanted = this.#checkTag(tag, undefined, span);
    if (wanted === undefined) return plain;
    if (wanted === "str") return text;
    const value = plainScalar(text);
    const is =
      value === null ? "null" : typeof value === "boolean" ? "bool" : typeof value === "number" ? "number" : "str";
    if (is !== wanted && !(is === "number" && (wanted === "int" || wanted === "float"))) {
      this.#refuse(span.start, `the value is not what its tag !!${wanted} says`);
    }
    return value;
  }

  /** The short name of an explicit tag; anything but the core types is refused. */
  #checkTag(tag: string | undefined, allowed: "map" | "seq" | "str" | undefined, span: Span): string | undefined {
    if (tag === undefined) return undefined;
    const short = tag === "!" ? "str" : tag.startsWith(standardTag) ? tag.slice(standardTag.length) : tag;
    if (allowed === undefined ? scalarTags.has(short) : short === allowed) return short;
    this.#refuse(span.start, `the tag ${JSON.stringify(tag.slice(0, 60))} is not allowed here`);
    return undefined;
  }

  #refuse(offset: number, message: string): void {
    const path: KeyPath = [...this.#path];
    this.#issues.add({ rule: "syntax", path, offset, message });
  }
}

const scalarTags: ReadonlySet<string> = new Set(["str", "int", "float", "bool", "null"]);

function styleOf(type: string | undefined): ScalarStyle {
  if (type === "QUOTE_DOUBLE") return "double";
  if (type === "QUOTE_SINGLE") return "single";
  return type === "BLOCK_LITERAL" || type === "BLOCK_FOLDED" ? "block" : "plain";
}

function spanOf(node: unknown, otherwise: Span): Span {
  const range = (node as { range?: readonly number[] | null } | null)?.range;
  const [start, end] = range ?? [];
  return start === undefined || end === undefined ? otherwise : { start, end };
}
