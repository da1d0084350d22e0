import ts from "typescript";

/** One way in which a code is raised. */
export interface ErrorEntry {
  readonly code: string;
  /** The class, or undefined for a bare `WeftError`. */
  readonly className: string | undefined;
  /** The message with `{…}` where a value stands. */
  readonly message: string;
  readonly flags: readonly string[];
  /** First sentence of the class's docstring. */
  readonly about: string;
  readonly file: string;
}

export interface ErrorTable {
  readonly entries: readonly ErrorEntry[];
  /** Classes whose code could not be found: none may remain. */
  readonly unknown: readonly string[];
}

export interface SourceText {
  readonly file: string;
  readonly text: string;
}

const codeShape = /^WEFT_[A-Z0-9]+(_[A-Z0-9]+)*$/;

/** Every error code raised in the sources: by the classes that extend `WeftError`, and wherever one is made with a code. */
export function readErrors(sources: readonly SourceText[]): ErrorTable {
  const parsed = sources.map(({ file, text }) => ({
    file,
    tree: ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true),
  }));
  const classes = errorClasses(parsed.map((each) => each.tree));
  const entries: ErrorEntry[] = [];
  const declared = parsed.flatMap(({ file, tree }) => declaredErrors(file, tree, classes));
  /** Classes that are given their code by whoever makes one, or by a class below. */
  const given = new Map(declared.filter((each) => each.codes.length === 0).map((each) => [each.className, each]));
  for (const { className, codes, message, flags, about, file } of declared) {
    const parent = given.get(classes.get(className) ?? "");
    const saidBelow = parent !== undefined && !/^\{\w+\}$/.test(parent.message);
    for (const code of codes) {
      entries.push({
        code,
        className,
        message: saidBelow ? parent.message : message,
        flags: [...new Set([...(parent?.flags ?? []), ...flags])],
        about,
        file,
      });
    }
  }
  const made = new Set<string>();
  const unknown: string[] = [];
  for (const { file, tree } of parsed) {
    visit(tree, (node) => {
      if (!ts.isNewExpression(node) || !ts.isIdentifier(node.expression)) return;
      const className = node.expression.text;
      const owner = given.get(className);
      if (owner === undefined && className !== "WeftError") return;
      const args = node.arguments ?? [];
      const at = args.findIndex((each) => codesOf(each, node, tree).length > 0);
      if (at === -1) unknown.push(`${file}: ${oneLine(node.getText())}`);
      made.add(className);
      const { message, flags } = detailsOf(args.slice(at), tree);
      const about = aboutOf(node) || (owner?.about ?? "");
      for (const code of codesOf(args[at], node, tree)) {
        const shownAs = owner === undefined ? undefined : className;
        entries.push({ code, className: shownAs, message, flags: [...(owner?.flags ?? []), ...flags], about, file });
      }
    });
  }
  for (const [className, { file }] of given) {
    if (!made.has(className) && ![...classes.values()].includes(className)) unknown.push(`${file}: ${className}`);
  }
  const order = (each: ErrorEntry): string => `${each.code} ${each.file} ${each.className ?? ""} ${each.message}`;
  entries.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  return {
    entries: entries.filter((each, i) => i === 0 || order(each) !== order(entries[i - 1] as ErrorEntry)),
    unknown,
  };
}

type Declared = Omit<ErrorEntry, "code" | "className"> & {
  readonly className: string;
  readonly codes: readonly string[];
};

/** The error classes of a file, save those that carry the code of the error beneath: that is in the table already. */
function declaredErrors(file: string, tree: ts.SourceFile, classes: ReadonlyMap<string, string>): readonly Declared[] {
  const found: Declared[] = [];
  visit(tree, (node) => {
    if (!ts.isClassDeclaration(node) || node.name === undefined || !classes.has(node.name.text)) return;
    const call = superCall(node);
    const code = call?.arguments[0];
    if (call === undefined || code === undefined) return;
    if (ts.isPropertyAccessExpression(code) && code.name.text === "code") return;
    const codes = codesOf(code, node, tree);
    found.push({
      className: node.name.text,
      codes,
      ...detailsOf(call.arguments, tree),
      about: firstSentence(node),
      file,
    });
  });
  return found;
}

/** First sentence over the exported function that the node stands in. */
function aboutOf(node: ts.Node): string {
  for (let at: ts.Node | undefined = node.parent; at !== undefined; at = at.parent) {
    if (ts.isFunctionDeclaration(at)) return firstSentence(at);
  }
  return "";
}

/** Names of the classes below WeftError, and of the class that each extends. */
function errorClasses(trees: readonly ts.SourceFile[]): ReadonlyMap<string, string> {
  const parents = new Map<string, string>();
  for (const tree of trees) {
    visit(tree, (node) => {
      if (!ts.isClassDeclaration(node) || node.name === undefined) return;
      const parent = node.heritageClauses?.find((each) => each.token === ts.SyntaxKind.ExtendsKeyword)?.types[0];
      if (parent !== undefined) parents.set(node.name.text, parent.expression.getText());
    });
  }
  const isError = (name: string): boolean => {
    for (let at: string | undefined = name; at !== undefined; at = parents.get(at)) if (at === "WeftError") return true;
    return false;
  };
  return new Map([...parents].filter(([name]) => isError(name)));
}

function superCall(node: ts.ClassDeclaration): ts.CallExpression | undefined {
  let found: ts.CallExpression | undefined;
  visit(node, (each) => {
    if (ts.isCallExpression(each) && each.expression.kind === ts.SyntaxKind.SuperKeyword) found ??= each;
  });
  return found;
}

function codesOf(argument: ts.Expression | undefined, within: ts.Node, tree: ts.SourceFile): readonly string[] {
  if (argument === undefined) return [];
  const direct = literals(argument);
  if (direct.length > 0) return direct;
  const named = ts.isIdentifier(argument) ? constant(argument.text, tree) : undefined;
  if (named !== undefined) return literals(named);
  return ts.isClassDeclaration(within) ? literals(within) : [];
}

function literals(node: ts.Node): readonly string[] {
  const found = new Set<string>();
  visit(node, (each) => {
    if (ts.isStringLiteralLike(each) && codeShape.test(each.text)) found.add(each.text);
  });
  return [...found];
}

function constant(name: string, tree: ts.SourceFile): ts.Expression | undefined {
  let found: ts.Expression | undefined;
  visit(tree, (each) => {
    if (ts.isVariableDeclaration(each) && each.name.getText() === name) found ??= each.initializer;
  });
  return found;
}

function detailsOf(args: readonly ts.Expression[], tree: ts.SourceFile): Pick<ErrorEntry, "message" | "flags"> {
  const [, message, options] = args;
  const flags = new Set<string>();
  if (options !== undefined) {
    visit(options, (each) => {
      if (ts.isShorthandPropertyAssignment(each) && each.name.text === "flags") {
        for (const flag of strings(constant("flags", tree))) flags.add(flag);
      }
      if (!ts.isPropertyAssignment(each) || each.name.getText() !== "flags") return;
      const value = each.initializer;
      for (const flag of strings(ts.isIdentifier(value) ? constant(value.text, tree) : value)) flags.add(flag);
    });
  }
  return { message: message === undefined ? "" : shape(message), flags: [...flags] };
}

function strings(node: ts.Node | undefined): readonly string[] {
  const found: string[] = [];
  if (node !== undefined) {
    visit(node, (each) => {
      if (ts.isStringLiteral(each)) found.push(each.text);
    });
  }
  return found;
}

function shape(message: ts.Expression): string {
  if (ts.isStringLiteralLike(message)) return message.text;
  if (ts.isTemplateExpression(message)) {
    const spans = message.templateSpans.map((each) => `{${oneLine(each.expression.getText())}}${each.literal.text}`);
    return message.head.text + spans.join("");
  }
  if (ts.isBinaryExpression(message) && message.operatorToken.kind === ts.SyntaxKind.PlusToken) {
    return shape(message.left) + shape(message.right);
  }
  return `{${oneLine(message.getText())}}`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ");
}

function firstSentence(node: ts.Node): string {
  const comments = ts.getJSDocCommentsAndTags(node);
  const text = comments
    .map((each) => (ts.isJSDoc(each) ? (ts.getTextOfJSDocComment(each.comment) ?? "") : ""))
    .join(" ");
  const line = oneLine(text).trim();
  return /^.*?[.!?](?= |$)/.exec(line)?.[0] ?? line;
}

function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  ts.forEachChild(node, (child) => visit(child, see));
}

/** The page of the reference. */
export function errorsPage(entries: readonly ErrorEntry[]): string {
  const lines = [
    "# Error codes",
    "",
    "Generated from the sources by `npm run docs:gen`. A code never changes its meaning; policies read the flags, people",
    "read the message, dashboards read the code. `{…}` stands for a value.",
    "",
    "| code | raised as | flags | message | when |",
    "|---|---|---|---|---|",
  ];
  for (const { code, className, flags, message, about, file } of entries) {
    const raised = `[${className ?? "WeftError"}](../../${file})`;
    const said = message === "" ? "" : `\`${cell(message)}\``;
    lines.push(`| \`${code}\` | ${raised} | ${flags.join(", ") || "none"} | ${said} | ${cell(about)} |`);
  }
  return `${lines.join("\n")}\n`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("`", "'");
}
