import { ConfigError, type ConfigIssue, type ConfigRule } from "./config-error.ts";
import { LineTable } from "./line-table.ts";
import { type KeyPath, type Span, showPath } from "./source.ts";
import { visible, visibleInPlace } from "./visible.ts";

/** A mistake before its offset is turned into a line. */
export interface Finding {
  readonly rule: ConfigRule;
  readonly path: KeyPath;
  readonly offset: number;
  readonly message: string;
  readonly expected?: string | undefined;
  readonly found?: string | undefined;
  readonly nearest?: string | undefined;
  /** Offset from which the rest of the line is not shown. */
  readonly hideFrom?: number | undefined;
}

const maxIssues = 100;
const maxExcerpt = 160;
/** The first key of a line, with its indentation and the dashes of lists before it. */
const firstKey = /^(?:[\s\-?,{]*)(?:[\w.$/-]+|"[\w.$/-]+"|'[\w.$/-]+')\s*:/;

/** Collects the mistakes of one text, and throws them together. */
export class Issues {
  readonly #name: string;
  readonly #text: string;
  #lines: LineTable | undefined;
  readonly #found: Finding[] = [];
  readonly #seen = new Set<string>();
  readonly #secrets: Span[] = [];
  #omitted = 0;

  constructor(name: string, text: string) {
    this.#name = name;
    this.#text = text;
  }

  get count(): number {
    return this.#found.length;
  }

  /** True when more would only be counted: there is no need to find words for them. */
  get full(): boolean {
    return this.#found.length >= maxIssues;
  }

  /** One more that is only counted. */
  omit(): void {
    this.#omitted++;
  }

  /** The same mistake at the same place counts once. */
  add(finding: Finding): void {
    const id = `${finding.rule} ${finding.offset} ${showPath(finding.path)}`;
    if (this.#seen.has(id)) return;
    if (this.full) {
      this.omit();
      return;
    }
    this.#seen.add(id);
    this.#found.push(finding);
  }

  /** A stretch of the text that no excerpt shows. */
  hide(span: Span): void {
    this.#secrets.push(span);
  }

  throwIfAny(): void {
    if (this.#found.length > 0) throw this.error();
  }

  error(): ConfigError {
    const sorted = [...this.#found].sort((a, b) => a.offset - b.offset);
    return new ConfigError(
      sorted.map((each) => this.#issue(each)),
      this.#omitted,
    );
  }

  #issue(finding: Finding): ConfigIssue {
    this.#lines ??= new LineTable(this.#text);
    const { line, column } = this.#lines.at(finding.offset);
    const { rule, message, expected, found, nearest } = finding;
    return {
      rule,
      file: visible(this.#name),
      line,
      column,
      keyPath: visible(showPath(finding.path)),
      message: visible(message),
      ...(expected === undefined ? {} : { expected }),
      ...(found === undefined ? {} : { found: visible(found) }),
      ...(nearest === undefined ? {} : { nearest }),
      excerpt: this.#excerpt(finding, this.#lines.line(line), column),
    };
  }

  #excerpt(
    finding: Finding,
    [start, end]: readonly [number, number],
    column: number,
  ): { text: string; column: number } {
    let text = this.#text.slice(start, end);
    for (const secret of this.#secrets) {
      const from = Math.max(secret.start, start) - start;
      const to = Math.min(secret.end, end) - start;
      if (from < to) text = text.slice(0, from) + "*".repeat(to - from) + text.slice(to);
    }
    if (finding.hideFrom !== undefined) text = text.slice(0, Math.max(0, finding.hideFrom - start));
    if (finding.rule === "syntax") text = outline(text);
    const from = Math.max(0, column - 1 - maxExcerpt / 2);
    return { text: visibleInPlace(text.slice(from, from + maxExcerpt)), column: column - from };
  }
}

/**
 * A line of a text that could not be read, where nobody knows what is secret: its first key, and of the rest the signs
 * that may be what is wrong.
 */
function outline(line: string): string {
  const key = firstKey.exec(line)?.[0] ?? "";
  return key + line.slice(key.length).replace(/[^\s"'[\]{},:&*!|>%@`#-]/g, "*");
}
