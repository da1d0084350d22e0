export { type AccessEntry, type AccessFormat, accessJson, accessLine } from "./access-entry.ts";
export { AccessLog, type AccessLogOptions } from "./access-log.ts";
export { type Disk, type LogHandle, systemDisk } from "./disk.ts";
export { AccessLogError } from "./errors.ts";
export { escapeBare, escapeQuoted } from "./escape-field.ts";
export { onHangup } from "./hangup.ts";
export { LineTime } from "./line-time.ts";
export { LogFile, type LogFileOptions } from "./log-file.ts";
export { nextRollMs, type RollPolicy, readRollPolicy, rolledName } from "./roll-policy.ts";
