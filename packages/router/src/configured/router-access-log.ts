import { AccessLog, type AccessLogOptions, onHangup, readRollPolicy } from "@weftmesh/access-log";
import type { AccessLogConfig } from "@weftmesh/config";
import { ClockParam, type Params } from "@weftmesh/core";
import { type Logger, StatsParam } from "@weftmesh/telemetry";

/** Files that this process has begun: a reload goes on with them, whatever the config says of appending. */
const begun = new Set<string>();

/** The access log of a router, from its config to its end. Errors: `WEFT_ACCESS_LOG` from `open`. */
export class RouterAccessLog {
  /** Undefined where none is wanted. */
  readonly log: AccessLog | undefined;
  readonly #rollsAtHangup: boolean;
  #isOpen = false;
  #ignoreHangups: (() => void) | undefined = undefined;

  constructor(config: AccessLogConfig & Pick<AccessLogOptions, "zone">, label: string, params: Params, logger: Logger) {
    const { path, rollPolicy, append, rotateCount, format, zone } = config;
    this.#rollsAtHangup = rollPolicy.toLowerCase() === "sighup";
    if (path === undefined) return;
    this.log = new AccessLog({
      path,
      format,
      ...(zone === undefined ? {} : { zone }),
      policy: readRollPolicy(rollPolicy),
      append: append || begun.has(path),
      rotateCount,
      clock: params.get(ClockParam),
      stats: params.get(StatsParam).scope("rt", label, "access_log"),
      onProblem: (message) => logger.error(message),
    });
  }

  async open(): Promise<void> {
    const { log } = this;
    if (log === undefined || this.#isOpen) return;
    await log.file.open();
    begun.add(log.file.path);
    this.#isOpen = true;
    if (this.#rollsAtHangup) this.#ignoreHangups = onHangup(() => log.file.reopen());
  }

  async close(): Promise<void> {
    this.#ignoreHangups?.();
    await this.log?.file.close();
  }
}
