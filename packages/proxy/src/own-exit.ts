import { WeftError } from "@weftmesh/core";

const exit: (code: number) => never = process.exit.bind(process);

/** Code that is a guest in this process asked for its end. */
export class ExitRefusedError extends WeftError {
  constructor(caller: string) {
    super("WEFT_EXIT_REFUSED", `process.exit was called ${caller}; a proxy ends by a signal or by /admin/shutdown`, {
      flags: ["nonRetryable"],
    });
  }
}

/** Ends the process at once, for those whose business it is. */
export function exitNow(code: number): never {
  return exit(code);
}

/**
 * From here on `process.exit` throws ExitRefusedError to whoever calls it, which names the place: a plugin must not
 * take the traffic of the others down. The result takes it back.
 *
 * It is a guard against mistakes and none against malice: `process.kill`, `process.abort` and a crash of native code
 * still end the process.
 */
export function keepAlive(): () => void {
  const before = process.exit;
  process.exit = () => {
    const caller = new Error("for its stack").stack?.split("\n")[2]?.trim() ?? "by code without a stack";
    throw new ExitRefusedError(caller);
  };
  return () => {
    process.exit = before;
  };
}
