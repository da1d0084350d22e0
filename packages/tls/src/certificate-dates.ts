import type { X509Certificate } from "node:crypto";
import { HandshakeError } from "./errors.ts";

/** Units: ms of the epoch. */
export interface Validity {
  readonly fromMs: number;
  readonly toMs: number;
}

/** When a certificate is valid. */
export function datesOf(certificate: X509Certificate): Validity {
  return { fromMs: readDate(certificate.validFrom), toMs: readDate(certificate.validTo) };
}

/** When all of them are. */
export function commonDates(certificates: readonly X509Certificate[]): Validity {
  const dates = certificates.map(datesOf);
  return {
    fromMs: Math.max(...dates.map(({ fromMs }) => fromMs)),
    toMs: Math.min(...dates.map(({ toMs }) => toMs)),
  };
}

/** Errors: HandshakeError, when a peer's certificate is not valid now. */
export function checkDates(certificate: X509Certificate, nowMs: number): void {
  const { fromMs, toMs } = datesOf(certificate);
  if (nowMs >= toMs) throw new HandshakeError("expired", "its certificate has expired");
  if (nowMs < fromMs) throw new HandshakeError("not_yet_valid", "its certificate is not valid yet");
}

function readDate(text: string): number {
  // biome-ignore lint/style/noRestrictedGlobals: reads a date that is written down, and no clock
  return Date.parse(text);
}
