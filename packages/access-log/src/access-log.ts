import { type AccessEntry, type AccessFormat, accessJson, accessLine } from "./access-entry.ts";
import { LineTime } from "./line-time.ts";
import { LogFile, type LogFileOptions } from "./log-file.ts";

export interface AccessLogOptions extends LogFileOptions {
  /** `line`, which is Linkerd's, if not given. */
  readonly format?: AccessFormat;
  /** How a line tells its time zone: by its name if not given. */
  readonly zone?: "name" | "offset";
}

/** Writes a line for each entry. Cost: the line, as one text; see `LogFile` for the rest. */
export class AccessLog {
  readonly file: LogFile;
  readonly #isJson: boolean;
  readonly #time: LineTime;

  constructor(options: AccessLogOptions) {
    this.file = new LogFile(options);
    this.#isJson = options.format === "json";
    this.#time = new LineTime(options.zone);
  }

  write(entry: AccessEntry): void {
    this.file.write(this.#isJson ? accessJson(entry) : accessLine(entry, this.#time.show(entry.epochMs)));
  }
}
