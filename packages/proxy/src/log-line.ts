import { escapeLogText, type LogLevel, type LogRecord } from "@weftmesh/telemetry";

const letters: Readonly<Record<LogLevel, string>> = {
  ALL: "A",
  TRACE: "T",
  DEBUG: "D",
  INFO: "I",
  WARNING: "W",
  ERROR: "E",
  CRITICAL: "C",
  FATAL: "F",
  OFF: "O",
};

/**
 * One line of the process's log, in the form of glog as Linkerd writes it: level, date, time, zone, thread, message.
 *
 * Units: `epochMs` is the calendar's time, shown in UTC. What a client may have put into the message is escaped.
 */
export function logLine(record: LogRecord, epochMs: number): string {
  // biome-ignore lint/style/noRestrictedGlobals: it spells a time that the clock gave, and reads none
  const iso = new Date(epochMs).toISOString();
  const date = `${iso.slice(5, 7)}${iso.slice(8, 10)}`;
  return `${letters[record.level]} ${date} ${iso.slice(11, 23)} UTC THREAD1: ${escapeLogText(record.message)}\n`;
}
