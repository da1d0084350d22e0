import { WeftError } from "@weftmesh/core";
import type { Dtab, Path } from "@weftmesh/naming";
import { durationText } from "./duration-text.ts";

/** Nobody said in time where a name leads, or which addresses are behind what it leads to. */
export class BindingTimeoutError extends WeftError {
  readonly path: Path;
  readonly timeoutMs: number;
  /** The bound name whose addresses did not come; undefined when not even that was known. */
  readonly connectingTo: string | undefined;

  constructor(path: Path, timeoutMs: number, connectingTo?: string) {
    const doing =
      connectingTo === undefined
        ? `resolving name: ${path.show}`
        : `connecting to ${connectingTo} for name: ${path.show}`;
    super("WEFT_BINDING_TIMEOUT", `Exceeded ${durationText(timeoutMs)} binding timeout while ${doing}`, {
      flags: ["naming", "deadlineExceeded"],
    });
    this.path = path;
    this.timeoutMs = timeoutMs;
    this.connectingTo = connectingTo;
  }
}

/** The rules lead nowhere for this name. */
export class NoBindingError extends WeftError {
  readonly path: Path;
  readonly baseDtab: Dtab;
  /** The request's own delegations. */
  readonly localDtab: Dtab;

  constructor(path: Path, baseDtab: Dtab, localDtab: Dtab) {
    super("WEFT_NO_BINDING", `no binding for name: ${path.show}`, { flags: ["naming"] });
    this.path = path;
    this.baseDtab = baseDtab;
    this.localDtab = localDtab;
  }
}

/** Asking where a name leads failed, and there is no earlier answer to go on with. */
export class BindingFailedError extends WeftError {
  readonly path: Path;

  constructor(path: Path, cause: Error) {
    super("WEFT_BINDING_FAILED", `binding failed for name: ${path.show}: ${cause.message}`, {
      flags: ["naming"],
      cause,
    });
    this.path = path;
  }
}

/** So many calls wait for names already that one more is refused. */
export class BindingQueueFullError extends WeftError {
  readonly maxWaitingCalls: number;

  constructor(path: Path, maxWaitingCalls: number) {
    super("WEFT_OVERLOADED", `${maxWaitingCalls} calls are waiting for names already; refused one for ${path.show}`, {
      flags: ["rejected", "retryable"],
    });
    this.maxWaitingCalls = maxWaitingCalls;
  }
}
