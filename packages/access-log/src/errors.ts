import { WeftError } from "@weftmesh/core";

/** An access log cannot be opened when its router starts. */
export class AccessLogError extends WeftError {
  readonly path: string;

  constructor(path: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super("WEFT_ACCESS_LOG", `the access log ${path} cannot be opened: ${why}`, { cause });
    this.path = path;
  }
}
