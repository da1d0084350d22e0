import { type Classifier, hasFlag, isWeftError, type ResponseClass } from "@weftmesh/core";
import { type HeaderName, type HttpRequest, type HttpResponse, headerName } from "@weftmesh/http";

const read: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);
const idempotent: ReadonlySet<string> = new Set([...read, "PUT", "DELETE"]);
const all: ReadonlySet<string> = new Set([...idempotent, "POST", "PATCH"]);

/** The methods that each kind lets be sent again. A method that is in none, as CONNECT, never is. */
export const retryableMethods: {
  readonly [K in "none" | "read" | "idempotent" | "all"]: ReadonlySet<string>;
} = { none: new Set(), read, idempotent, all };

const retryableHeader: HeaderName = headerName("l5d-retryable");

/** What the system calls a connection that was lost. */
const lost: ReadonlySet<string> = new Set(["ECONNRESET", "ECONNREFUSED", "ECONNABORTED", "EPIPE", "ETIMEDOUT"]);

/** Whether the failure says nothing against another attempt: not written, timed out, closed, or badly framed. */
export function mayPass(error: Error): boolean {
  // The transport sends nothing again of its own accord after a bad answer; a classifier may let it, as Linkerd's do.
  if (isWeftError(error) && error.code === "WEFT_PROTOCOL_RESPONSE") return true;
  if (hasFlag(error, "nonRetryable")) return false;
  if (hasFlag(error, "retryable") || hasFlag(error, "deadlineExceeded")) return true;
  // A caller that gave up is not served by another attempt.
  if (hasFlag(error, "interrupted")) return false;
  if (isWeftError(error)) return error.code.startsWith("WEFT_CONNECT");
  const code: unknown = Reflect.get(error, "code");
  return typeof code === "string" && lost.has(code);
}

export interface HttpClassifierOptions {
  readonly name: string;
  /** Methods whose failures may be sent again. */
  readonly methods: ReadonlySet<string>;
  /** The least status that is a failure; 500 if not given, `Infinity` for none. */
  readonly failsFrom?: number;
  /** Whether `l5d-retryable: true` on a failed answer lets it be sent again, whatever the method. */
  readonly trustRetryable: boolean;
  /** Requests whose length is not known beforehand may be sent again as well: whoever retries knows what it has of them. */
  readonly streams?: boolean;
}

/**
 * Judges HTTP answers by status and method.
 *
 * Shape: without `streams`, a request whose length is not known beforehand is never sent again, since its body is gone by
 * then. A failure that counts for nothing, as that of a caller who left, is "ignorable".
 */
export class HttpClassifier implements Classifier {
  readonly name: string;
  readonly #methods: ReadonlySet<string>;
  readonly #failsFrom: number;
  readonly #trustRetryable: boolean;
  readonly #streams: boolean;

  constructor(options: HttpClassifierOptions) {
    this.name = options.name;
    this.#methods = options.methods;
    this.#failsFrom = options.failsFrom ?? 500;
    this.#trustRetryable = options.trustRetryable;
    this.#streams = options.streams ?? false;
  }

  classify(req: unknown, rep: unknown, error: Error | undefined): ResponseClass {
    const { method, body } = req as HttpRequest;
    const mayResend = this.#streams || body.length !== undefined;
    if (error !== undefined) {
      if (hasFlag(error, "ignorable")) return "ignorable";
      return mayResend && this.#methods.has(method) && mayPass(error) ? "retryable" : "failure";
    }
    const answer = rep as HttpResponse | undefined;
    if (answer === undefined || answer.status < this.#failsFrom) return "success";
    if (!mayResend) return "failure";
    if (this.#methods.has(method)) return "retryable";
    return this.#trustRetryable && saysRetryable(answer) ? "retryable" : "failure";
  }
}

function saysRetryable(answer: HttpResponse): boolean {
  return answer.headers.get(retryableHeader)?.toLowerCase() === "true";
}
