import { Path, showElem } from "./path.ts";

/** What a pattern found, by the names in its braces: text as it stands in a path. */
export type Captures = Readonly<Record<string, string>>;

/**
 * `{name}` in a pattern. The characters between `:` and `_` belong to a name, the hyphen does not: Linkerd's own
 * expression has the range `:-_` where it seems to have meant three characters, and configs rely on what it does.
 */
const captureText = /\{([a-zA-Z0-9.:-_]+)\}/g;

/**
 * A pattern over names: `/#/{kind}/{service}` or `/svc/{name}:http`. `*` as a segment is any one, `{name}` is a capture.
 *
 * Shape: it matches when the name begins with it. A segment may hold several captures with text between them; each
 * takes as much as it can, the text is taken literally, and what stands before or after it in the segment does not
 * matter: `{a}.com` matches `x.com.eu` and captures `x`. A segment without captures is compared whole with the
 * element as it is shown. `{a-b}` is no capture: such a segment matches nothing, see `unmatchable`.
 * Cost: linear in the name. Source: Linkerd PathMatcher; where that throws for a name shorter than a wildcard, this
 * does not match, and `$`, `+` and the like in a segment with captures stand for themselves.
 */
export class PathMatcher {
  readonly text: string;
  readonly #segments: readonly Segment[];

  private constructor(text: string) {
    this.text = text;
    const segments = text.split("/");
    while (segments[0] === "") segments.shift();
    while (segments.at(-1) === "") segments.pop();
    this.#segments = segments.map(readSegment);
  }

  /** Any text is a pattern; `/` matches every name. */
  static read(text: string): PathMatcher {
    return new PathMatcher(text);
  }

  /** What the name has at the places of the captures; `undefined` when it does not match. */
  extract(path: Path): Captures | undefined {
    if (path.size < this.#segments.length) return undefined;
    const captures: Record<string, string> = Object.create(null);
    for (const [i, segment] of this.#segments.entries()) {
      if (segment.kind === "any") continue;
      const elem = showElem(path.elems[i] as string);
      if (segment.kind === "exact" ? segment.text !== elem : !capture(segment, elem, captures)) return undefined;
    }
    return captures;
  }

  /** The template filled with what the name has; `undefined` when it does not match. */
  substitute(path: Path, template: string): string | undefined {
    const captures = this.extract(path);
    return captures === undefined ? undefined : fillTemplate(template, captures);
  }

  /** The names of its captures. */
  get captureNames(): readonly string[] {
    return this.#segments.flatMap((segment) => (segment.kind === "captures" ? segment.names : []));
  }

  /** Segments that no name can have, such as `{a-b}`: a check may warn of them. */
  get unmatchable(): readonly string[] {
    return this.#segments.flatMap((segment) =>
      segment.kind === "exact" && !isShown(segment.text) ? segment.text : [],
    );
  }

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }
}

/** Puts captures into a text in place of their names in braces; other braces stay. */
export function fillTemplate(template: string, captures: Captures): string {
  return template.replace(captureText, (braced, name: string) =>
    Object.hasOwn(captures, name) ? (captures[name] as string) : braced,
  );
}

type Segment =
  | { readonly kind: "any" }
  | { readonly kind: "exact"; readonly text: string }
  /** One text more than names: before, between and after them. */
  | { readonly kind: "captures"; readonly names: readonly string[]; readonly texts: readonly string[] };

function readSegment(text: string): Segment {
  if (text === "*") return { kind: "any" };
  const parts = text.split(captureText);
  if (parts.length === 1) return { kind: "exact", text };
  return {
    kind: "captures",
    names: parts.filter((_, i) => i % 2 === 1),
    texts: parts.filter((_, i) => i % 2 === 0),
  };
}

/**
 * What the expression `a(.*)b(.*)c`, found anywhere in the element, would capture. With greedy captures that is: the
 * first text as far left as it stands, the others as far right as they can, found from the right; so there is nothing
 * to go back to.
 */
function capture(
  { names, texts }: Segment & { kind: "captures" },
  elem: string,
  into: Record<string, string>,
): boolean {
  const before = texts[0] as string;
  const first = elem.indexOf(before);
  if (first === -1) return false;
  const from = first + before.length;
  const ends: number[] = [];
  let end = elem.length;
  for (let i = names.length; i > 0; i--) {
    const text = texts[i] as string;
    end = end < text.length ? -1 : elem.lastIndexOf(text, end - text.length);
    if (end < from) return false;
    ends[i - 1] = end;
  }
  let start = from;
  for (const [i, name] of names.entries()) {
    into[name] = elem.slice(start, ends[i]);
    start = (ends[i] as number) + (texts[i + 1] as string).length;
  }
  return true;
}

function isShown(text: string): boolean {
  if (text === "") return false;
  try {
    return Path.read(`/${text}`).show === `/${text}`;
  } catch {
    return false;
  }
}
