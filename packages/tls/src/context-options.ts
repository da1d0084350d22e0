import { nodeCrypto } from "./node-tls.ts";

/** No renegotiation, whoever asks for it: it has been a hole more than once. No compression either. */
export function secureOptions(): number {
  const { SSL_OP_NO_RENEGOTIATION, SSL_OP_NO_COMPRESSION } = nodeCrypto().constants as unknown as Record<
    string,
    number
  >;
  return (SSL_OP_NO_RENEGOTIATION ?? 0x4000_0000) | (SSL_OP_NO_COMPRESSION ?? 0x2_0000);
}

/** How long a session may be taken up again. */
export const sessionSeconds = 300;
