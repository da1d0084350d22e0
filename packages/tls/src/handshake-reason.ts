import { HandshakeError, type HandshakeReason } from "./errors.ts";

interface Known {
  readonly reason: HandshakeReason;
  readonly says: string;
}

/** What the checks of a chain end with, by the codes of OpenSSL. */
const chainCodes: Readonly<Record<string, Known>> = {
  CERT_HAS_EXPIRED: { reason: "expired", says: "its certificate, or one above it, has expired" },
  CERT_NOT_YET_VALID: { reason: "not_yet_valid", says: "its certificate, or one above it, is not valid yet" },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: {
    reason: "untrusted",
    says: "no root that is trusted stands behind its certificate",
  },
  UNABLE_TO_GET_ISSUER_CERT: { reason: "untrusted", says: "no root that is trusted stands behind its certificate" },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: {
    reason: "untrusted",
    says: "no root that is trusted stands behind its certificate",
  },
  SELF_SIGNED_CERT_IN_CHAIN: { reason: "untrusted", says: "the root behind its certificate is not trusted" },
  DEPTH_ZERO_SELF_SIGNED_CERT: { reason: "untrusted", says: "it signed its certificate itself" },
  CERT_SIGNATURE_FAILURE: { reason: "untrusted", says: "its certificate has a wrong signature" },
  CERT_REVOKED: { reason: "untrusted", says: "its certificate was revoked" },
  INVALID_PURPOSE: { reason: "untrusted", says: "its certificate is not made for this end of a connection" },
  INVALID_CA: { reason: "untrusted", says: "a certificate above its own may not sign others" },
  PATH_LENGTH_EXCEEDED: { reason: "untrusted", says: "the chain of its certificate is longer than its root allows" },
};

/** What OpenSSL and Node say while shaking hands, by a part of their codes. */
const libraryCodes: readonly (readonly [RegExp, Known])[] = [
  [/HTTP_REQUEST|HTTPS_PROXY_REQUEST/, { reason: "not_tls", says: "it spoke plain HTTP" }],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|RECORD_LENGTH|UNEXPECTED_MESSAGE/,
    { reason: "not_tls", says: "it does not speak TLS here" },
  ],
  [/PEER_DID_NOT_RETURN_A_CERTIFICATE/, { reason: "no_certificate", says: "it showed no certificate" }],
  [/ALERT_CERTIFICATE_REQUIRED/, { reason: "refused", says: "it asks for a certificate, and was shown none" }],
  [
    /ALERT_(BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_|ACCESS_DENIED|UNSUPPORTED_CERTIFICATE)/,
    { reason: "refused", says: "it refused our certificate" },
  ],
  [/NO_APPLICATION_PROTOCOL/, { reason: "alpn", says: "there is no protocol that both ends speak (ALPN)" }],
  [
    /(UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|PROTOCOL_VERSION|NO_PROTOCOLS_AVAILABLE|NO_SHARED_CIPHER|NO_SUITABLE|INAPPROPRIATE_FALLBACK)/,
    { reason: "protocol", says: "there is no version or cipher of TLS that both ends take" },
  ],
  [
    /ALERT_HANDSHAKE_FAILURE|ALERT_INSUFFICIENT_SECURITY/,
    { reason: "protocol", says: "it found nothing in common, or refuses us" },
  ],
  [
    /^(ECONNRESET|EPIPE|ERR_STREAM_PREMATURE_CLOSE|ECONNABORTED)$/,
    { reason: "closed", says: "it closed the connection within the handshake" },
  ],
];

/** The error of a handshake in words of ours; the original is its cause. `undefined`: the connection was closed. */
export function handshakeError(cause: Error | undefined): HandshakeError {
  if (cause instanceof HandshakeError) return cause;
  const code = cause === undefined ? "ECONNRESET" : String(Reflect.get(cause, "code") ?? "");
  const known = chainCodes[code] ?? libraryCodes.find(([pattern]) => pattern.test(code))?.[1];
  if (known !== undefined) return new HandshakeError(known.reason, known.says, cause);
  return new HandshakeError("other", code === "" ? (cause?.message ?? "") : `${code}: ${lastPart(cause)}`, cause);
}

/** OpenSSL puts numbers and file names of its own before what it has to say. */
function lastPart(cause: Error | undefined): string {
  const message = cause?.message.trim() ?? "";
  const parts = message.split(":").filter((part) => part !== "" && !/^\d+$/.test(part));
  return message.startsWith("error:") || /^[0-9A-F]{8,}:/.test(message) ? (parts[3] ?? parts.at(-1) ?? "") : message;
}

/** True for what a peer says after the handshake was over for us: with TLS 1.3, a server judges our certificate then. */
export function isLateRefusal(error: Error | undefined): boolean {
  return error !== undefined && /^ERR_SSL_.*ALERT_/.test(String(Reflect.get(error, "code") ?? ""));
}
