import { describe, expect, it } from "vitest";
import { escapeLogText, LogLevels, type LogRecord, logLevels, readLogLevel } from "../src/log-levels.ts";

function levels(): { readonly all: LogLevels; readonly written: LogRecord[] } {
  const written: LogRecord[] = [];
  return { all: new LogLevels({ write: (record) => void written.push(record) }), written };
}

describe("LogLevels", () => {
  it("writes what is at or above the root's level, INFO at first", () => {
    const { all, written } = levels();
    const logger = all.logger("io.l5d.fs");
    logger.debug("no");
    logger.info("yes");
    logger.error("yes");
    expect(written.map(({ level, logger: name, message }) => `${level} ${name} ${message}`)).toEqual([
      "INFO io.l5d.fs yes",
      "ERROR io.l5d.fs yes",
    ]);
  });

  it("gives a logger the level of the nearest name above it that has one", () => {
    const { all } = levels();
    const deep = all.logger("io.l5d.fs");
    const other = all.logger("admin");
    expect(all.set("io.l5d", "DEBUG")).toBe(true);
    expect([deep.shows("DEBUG"), other.shows("DEBUG")]).toEqual([true, false]);
    all.set("root", "OFF");
    expect([deep.shows("DEBUG"), other.shows("FATAL")]).toEqual([true, false]);
    all.set("io.l5d.fs", "ALL");
    expect(deep.shows("TRACE")).toBe(true);
  });

  it("lists every logger by name with the level that counts", () => {
    const { all } = levels();
    all.logger("b.c");
    all.logger("a");
    all.set("b", "WARNING");
    expect(all.list()).toEqual([
      { logger: "a", level: "INFO" },
      { logger: "b", level: "WARNING" },
      { logger: "b.c", level: "WARNING" },
      { logger: "root", level: "INFO" },
    ]);
  });

  it("does not know a logger that nobody made", () => {
    const { all } = levels();
    expect(all.set("nobody", "DEBUG")).toBe(false);
    expect(all.list()).toHaveLength(1);
  });

  it("gives the same logger for the same name", () => {
    const { all } = levels();
    expect(all.logger("a.b")).toBe(all.logger("a.b"));
    expect(all.logger("")).toBe(all.logger("root"));
  });
});

describe("readLogLevel", () => {
  it("knows the nine levels in any case", () => {
    expect(logLevels).toHaveLength(9);
    for (const level of logLevels) expect(readLogLevel(level.toLowerCase())).toBe(level);
    expect(readLogLevel("verbose")).toBeUndefined();
  });
});

describe("escapeLogText", () => {
  it("C25: writes line ends, escapes, terminal controls and direction marks as text", () => {
    expect(escapeLogText("a\r\nINFO forged\u001b[31m\u202egnp\u0085\u2028é")).toBe(
      "a\\u000d\\u000aINFO forged\\u001b[31m\\u202egnp\\u0085\\u2028é",
    );
  });
});
