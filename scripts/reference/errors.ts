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

/** Every error code raised in the sources, from the classes that extend `WeftError` and from its bare uses. */
export function readErrors(sources: readonly SourceText[]): ErrorTable {
  const parsed = sources.map(({ file, text }) => ({
    file,
    tree: ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true),
  }));
  const classes = errorClasses(parsed.map((each) => each.tree));
  const entries: ErrorEntry[] = [];
  const unknown: string[] = [];
  for (const { file, tree } of parsed) {
    visit(tree, (node) => {
      if (ts.isClassDeclaration(node) && node.name !== undefined && classes.has(node.name.text)) {
        const call = superCall(node);
        const codes = call === undefined ? [] : codesOf(call.arguments[0], node, tree);
        const className = node.name.text;
        if (codes.length === 0 && call !== undefined) {
          if (!isAbstractBase(className, classes)) unknown.push(`${file}: ${className}`);
          return;
        }
        const about = firstSentence(node);
        for (const code of codes) entries.push({ code, className, ...detailsOf(call?.arguments), about, file });
      } else if (ts.isNewExpression(node) && node.expression.getText() === "WeftError") {
        const codes = codesOf(node.arguments?.[0], node, tree);
        if (codes.length === 0) unknown.push(`${file}: ${node.getText()}`);
        for (const code of codes) {
          entries.push({ code, className: undefined, ...detailsOf(node.arguments), about: "", file });
        }
      }
    });
  }
  const order = (each: ErrorEntry): string => `${each.code} ${each.file} ${each.className ?? ""}`;
  entries.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  return { entries, unknown };
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

/** A class that takes its code from those that extend it. */
function isAbstractBase(name: string, classes: ReadonlyMap<string, string>): boolean {
  return [...classes.values()].includes(name);
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

function detailsOf(args: readonly ts.Expression[] | undefined): Pick<ErrorEntry, "message" | "flags"> {
  const [, message, options] = args ?? [];
  const flags: string[] = [];
  if (options !== undefined) {
    visit(options, (each) => {
      if (!ts.isPropertyAssignment(each) || each.name.getText() !== "flags") return;
      visit(each.initializer, (inner) => {
        if (ts.isStringLiteral(inner)) flags.push(inner.text);
      });
    });
  }
  return { message: message === undefined ? "" : shape(message), flags };
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
