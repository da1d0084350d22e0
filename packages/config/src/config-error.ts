import { WeftError } from "@weftmesh/core";

/** What kind of mistake an issue is. Public: dashboards and editors switch on it. */
export type ConfigRule =
  | "syntax"
  | "tooLarge"
  | "unknownKey"
  | "duplicateKey"
  | "missingKey"
  | "wrongType"
  | "invalidValue"
  | "unknownKind"
  | "plannedKind"
  | "misplacedKind"
  | "experimental"
  | "unsupported"
  | "noRoutersSpecified"
  | "noServersSpecified"
  | "conflictingLabels"
  | "conflictingPorts"
  | "conflictingStreamingOptions"
  | "stackEdit"
  | "tls";

/** One mistake in a config, with its place. */
export interface ConfigIssue {
  readonly rule: ConfigRule;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** `routers[0].servers[1].port`; empty for the whole document. */
  readonly keyPath: string;
  /** All of it in one line: what is wrong, what was expected, what was found, what was probably meant. */
  readonly message: string;
  readonly expected?: string;
  readonly found?: string;
  /** The known key or kind that was probably meant. */
  readonly nearest?: string;
  /** The line of the source, with secrets masked, and the column at which it is wrong, from 1. */
  readonly excerpt?: { readonly text: string; readonly column: number };
}

/** `file:line:column: keyPath: message`. */
export function showIssue(issue: ConfigIssue): string {
  const path = issue.keyPath === "" ? "" : `${issue.keyPath}: `;
  return `${issue.file}:${issue.line}:${issue.column}: ${path}${issue.message}`;
}

/** The line of `showIssue`, then the line of the source with a caret under the place. */
export function showIssueInSource(issue: ConfigIssue): string {
  if (issue.excerpt === undefined) return showIssue(issue);
  const number = String(issue.line);
  const gutter = " ".repeat(number.length);
  const indent = issue.excerpt.text.slice(0, issue.excerpt.column - 1).replace(/[^\t]/g, " ");
  return `${showIssue(issue)}\n ${number} | ${issue.excerpt.text}\n ${gutter} | ${indent}^`;
}

/** A config that cannot be run. It holds every mistake that was found, in the order of the text. */
export class ConfigError extends WeftError {
  readonly issues: readonly ConfigIssue[];
  /** Mistakes beyond the first hundred, which are counted only. */
  readonly omitted: number;

  constructor(issues: readonly ConfigIssue[], omitted = 0) {
    super("WEFT_CONFIG_INVALID", [...issues.map(showIssue), ...more(omitted)].join("\n"));
    this.issues = issues;
    this.omitted = omitted;
  }

  /** For terminals: every mistake with its line of the source and a caret. */
  pretty(): string {
    return [...this.issues.map(showIssueInSource), ...more(this.omitted)].join("\n\n");
  }

  toJSON(): { readonly code: string; readonly issues: readonly ConfigIssue[]; readonly omitted: number } {
    return { code: this.code, issues: this.issues, omitted: this.omitted };
  }
}

function more(omitted: number): string[] {
  return omitted === 0 ? [] : [`and ${omitted} more`];
}
