import { asError, WeftError } from "@weftmesh/core";

/** A file that a config names for TLS cannot be used. `key` is the key of the config that names it. */
export class TlsFileError extends WeftError {
  readonly key: string;
  readonly file: string;

  constructor(key: string, file: string, problem: string, cause?: unknown) {
    super("WEFT_TLS_FILE", `${key}: ${file} ${problem}`, { cause });
    this.key = key;
    this.file = file;
  }
}

/** A setting of TLS that this runtime cannot honour, such as a cipher that nobody has heard of. */
export class TlsSettingError extends WeftError {
  readonly key: string;

  constructor(key: string, problem: string, cause?: unknown) {
    super("WEFT_TLS_SETTING", `${key}: ${problem}`, { cause });
    this.key = key;
  }
}

/** Why a handshake came to nothing: a word for the metrics and a sentence for people. */
export class HandshakeError extends WeftError {
  readonly reason: HandshakeReason;

  constructor(reason: HandshakeReason, message: string, cause?: unknown) {
    super("WEFT_TLS_HANDSHAKE", message, { cause });
    this.reason = reason;
  }
}

/** The node below `handshake_failures` in the metrics. */
export type HandshakeReason =
  | "expired"
  | "not_yet_valid"
  | "untrusted"
  | "wrong_name"
  | "no_certificate"
  | "refused"
  | "protocol"
  | "not_tls"
  | "alpn"
  | "closed"
  | "timeout"
  | "evicted"
  | "other";

/** What OpenSSL did not take when a context was made. */
export function asSettingError(key: string, cause: unknown): WeftError {
  if (cause instanceof WeftError) return cause;
  return new TlsSettingError(key, `TLS does not take it: ${asError(cause).message}`, cause);
}
