/** What a policy may read from an error; people read the message, dashboards read the code. */
export type ErrorFlag =
  /** Nothing of the request took effect: sending it again is safe. */
  | "retryable"
  /** No layer may send the request again. */
  | "nonRetryable"
  /** Refused before any work was done, because of load or policy. */
  | "rejected"
  /** The caller went away, or a deadline cut the call short. */
  | "interrupted"
  /** Neither a success nor a failure of the peer: kept out of success rates. */
  | "ignorable"
  /** A time limit ran out. */
  | "deadlineExceeded"
  /** The name, and not the peer, was at fault. */
  | "naming";

export interface WeftErrorOptions {
  readonly flags?: readonly ErrorFlag[];
  readonly cause?: unknown;
}

const brand = Symbol.for("weftmesh.error");
const noFlags: readonly ErrorFlag[] = [];

/**
 * The base of every error that Weftmesh raises on purpose.
 *
 * Shape: `code` is public API and never changes its meaning; `flags` drive policy; `cause` is the error beneath. It is
 * an `Error` to `instanceof`, but not by construction: `Error`'s own constructor would walk the stack for each failed
 * request, so the prototype is set by hand below.
 */
export class WeftError {
  readonly code: string;
  readonly message: string;
  readonly flags: readonly ErrorFlag[];
  readonly cause: unknown;

  constructor(code: string, message: string, options?: WeftErrorOptions) {
    this.code = code;
    this.message = message;
    this.flags = options?.flags ?? noFlags;
    this.cause = options?.cause;
  }

  get name(): string {
    return this.constructor.name;
  }

  /** One line for whoever prints it; there is no trace behind it. */
  get stack(): string {
    return `${this.name} [${this.code}]: ${this.message}`;
  }

  has(flag: ErrorFlag): boolean {
    return this.flags.includes(flag);
  }

  toString(): string {
    return this.stack;
  }
}
Object.setPrototypeOf(WeftError.prototype, Error.prototype);
Object.defineProperty(WeftError.prototype, brand, { value: true });

/** True for an error of this or any other copy of the core: the brand is a registered symbol. */
export function isWeftError(error: unknown): error is WeftError {
  return typeof error === "object" && error !== null && Reflect.get(error, brand) === true;
}

export function hasFlag(error: unknown, flag: ErrorFlag): boolean {
  return isWeftError(error) && error.flags.includes(flag);
}

/** Whatever was thrown, as an `Error`: what is none becomes the cause of a `WEFT_THROWN`. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new WeftError("WEFT_THROWN", show(thrown), { cause: thrown });
}

function show(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    // An object may have no string form at all; its kind is all there is to tell.
    return `a value of type ${typeof thrown} was thrown`;
  }
}

/** The caller went away; nothing is written to it and nothing is counted against the peer. */
export class CancelledError extends WeftError {
  constructor(message = "the caller went away", options?: { cause?: unknown }) {
    super("WEFT_CANCELLED", message, { flags: ["interrupted", "ignorable"], cause: options?.cause });
  }
}

/** A service, pool or balancer was used after it was closed. */
export class ClosedError extends WeftError {
  constructor(what: string) {
    super("WEFT_CLOSED", `${what} is closed`, { flags: ["retryable"] });
  }
}
