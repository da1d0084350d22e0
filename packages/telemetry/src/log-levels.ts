/** The levels, each with all that are more urgent behind it. */
export const logLevels: readonly LogLevel[] = [
  "ALL",
  "TRACE",
  "DEBUG",
  "INFO",
  "WARNING",
  "ERROR",
  "CRITICAL",
  "FATAL",
  "OFF",
];

/** Source: the names of twitter-util's logging. `ALL` and `OFF` are for loggers, not for messages. */
export type LogLevel = "ALL" | "TRACE" | "DEBUG" | "INFO" | "WARNING" | "ERROR" | "CRITICAL" | "FATAL" | "OFF";

/** A level by its name in any case. */
export function readLogLevel(name: string): LogLevel | undefined {
  const upper = name.toUpperCase();
  return logLevels.find((level) => level === upper);
}

const ranks: Readonly<Record<LogLevel, number>> = {
  ALL: 0,
  TRACE: 1,
  DEBUG: 2,
  INFO: 3,
  WARNING: 4,
  ERROR: 5,
  CRITICAL: 6,
  FATAL: 7,
  OFF: 8,
};

/** One message, on its way to wherever the process writes its log. The text may hold anything a client sent. */
export interface LogRecord {
  readonly level: LogLevel;
  /** "root" for the root logger. */
  readonly logger: string;
  readonly message: string;
}

/** Writes messages of one part of the process. Cost: nothing but a comparison for a level that is not shown. */
export class Logger {
  readonly name: string;
  readonly #write: (record: LogRecord) => void;
  readonly #parent: Logger | undefined;
  #own: LogLevel | undefined;
  /** The least rank that is shown; kept up to date by the registry. */
  private shown = 0;

  constructor(name: string, parent: Logger | undefined, own: LogLevel | undefined, write: (record: LogRecord) => void) {
    this.name = name;
    this.#parent = parent;
    this.#own = own;
    this.#write = write;
    this.refresh();
  }

  /** Its own level or that of the nearest logger above it. */
  get level(): LogLevel {
    return this.#own ?? this.#parent?.level ?? "OFF";
  }

  /** For the registry, which then refreshes every logger. */
  set(level: LogLevel): void {
    this.#own = level;
  }

  refresh(): void {
    this.shown = ranks[this.level];
  }

  shows(level: LogLevel): boolean {
    return ranks[level] >= this.shown && level !== "OFF" && this.shown !== ranks.OFF;
  }

  log(level: LogLevel, message: string): void {
    if (this.shows(level)) this.#write({ level, logger: this.name, message });
  }

  debug(message: string): void {
    this.log("DEBUG", message);
  }

  info(message: string): void {
    this.log("INFO", message);
  }

  warning(message: string): void {
    this.log("WARNING", message);
  }

  error(message: string): void {
    this.log("ERROR", message);
  }
}

export interface LogLevelsOptions {
  /** The root logger's level; INFO when not given. */
  readonly level?: LogLevel;
  readonly write: (record: LogRecord) => void;
}

/**
 * The loggers of the process and their levels, which can be changed while it runs.
 *
 * Shape: names are dotted, and a logger without a level of its own has that of the nearest name above it, up to `root`.
 */
export class LogLevels {
  readonly root: Logger;
  readonly #write: (record: LogRecord) => void;
  readonly #loggers = new Map<string, Logger>();

  constructor(options: LogLevelsOptions) {
    this.#write = options.write;
    this.root = new Logger("root", undefined, options.level ?? "INFO", options.write);
  }

  /** The logger of that name, made when it is new; "" and "root" are the root. For build time: names are kept. */
  logger(name: string): Logger {
    if (name === "" || name === "root") return this.root;
    let found = this.#loggers.get(name);
    if (found === undefined) {
      const dot = name.lastIndexOf(".");
      const parent = dot <= 0 ? this.root : this.logger(name.slice(0, dot));
      found = new Logger(name, parent, undefined, this.#write);
      this.#loggers.set(name, found);
    }
    return found;
  }

  /** False, and nothing changes, when there is no such logger. */
  set(name: string, level: LogLevel): boolean {
    const logger = name === "" || name === "root" ? this.root : this.#loggers.get(name);
    if (logger === undefined) return false;
    logger.set(level);
    this.root.refresh();
    for (const each of this.#loggers.values()) each.refresh();
    return true;
  }

  /** Every logger and the level that counts for it, by name. */
  list(): readonly { readonly logger: string; readonly level: LogLevel }[] {
    return [this.root, ...this.#loggers.values()]
      .map((each) => ({ logger: each.name, level: each.level }))
      .sort((a, b) => (a.logger < b.logger ? -1 : 1));
  }
}

/** Text for one line of a log or a terminal: controls, line ends and direction marks are written as `\uHHHH`. */
export function escapeLogText(text: string): string {
  return text.replace(unsafe, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** C0, DEL and C1 controls; line and paragraph separators; marks, embeddings and isolates of direction; BOM. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a log
const unsafe = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
