import { type Param, param } from "@weftmesh/core";
import type { FileTexts } from "./file-source.ts";
import { nodeCrypto } from "./node-tls.ts";

/**
 * What the processes that serve the same listeners share, so that each takes up the sessions that another began: at
 * least 32 random bytes. Without it a process takes up its own alone.
 */
export const SessionSecretParam: Param<Uint8Array | undefined> = param<Uint8Array | undefined>(
  "sessionSecret",
  undefined,
  () => undefined,
);

/** As `createSecureContext` takes it: whose sessions they are, and the keys of their tickets where we choose them. */
export interface SessionKeys {
  readonly sessionIdContext: string;
  readonly ticketKeys?: Buffer;
}

/** Bytes of the keys of tickets: a name, and keys to sign and to encrypt. */
const ticketBytes = 48;

/**
 * The keys of a listener's sessions. They follow from the secret and from all that decides who is let in: its name
 * and rules, which `listener` tells, and the texts of its files. A ticket of any other listener, or from before the
 * files changed, is worth nothing to it.
 */
export class SessionKeyring {
  readonly #secret: Uint8Array | undefined;
  readonly #listener: string;
  readonly #sessionIdContext: string;

  constructor(secret: Uint8Array | undefined, listener: string) {
    this.#secret = secret;
    this.#listener = listener;
    this.#sessionIdContext = (
      secret === undefined ? nodeCrypto().randomBytes(16) : derive(secret, new Map(), `id of ${listener}`, 16)
    ).toString("hex");
  }

  keys(texts: FileTexts): SessionKeys {
    const sessionIdContext = this.#sessionIdContext;
    // Every context has random keys of its own.
    if (this.#secret === undefined) return { sessionIdContext };
    return { sessionIdContext, ticketKeys: derive(this.#secret, texts, `tickets of ${this.#listener}`, ticketBytes) };
  }
}

function derive(secret: Uint8Array, texts: FileTexts, info: string, bytes: number): Buffer {
  const { createHash, hkdfSync } = nodeCrypto();
  const salt = createHash("sha256")
    .update(JSON.stringify([...texts]))
    .digest();
  return Buffer.from(hkdfSync("sha256", secret, salt, createHash("sha256").update(info).digest(), bytes));
}
