import { clientContext } from "./client-context.ts";
import type { LiveContext } from "./live-context.ts";
import type { ContextSurroundings } from "./server-context.ts";
import type { ClientTlsSettings } from "./settings.ts";

/**
 * The contexts of a router's clients, one for all that trust the same and show the same.
 *
 * Shape: names that are put together of what requests bring do not make contexts, so there are as many as the config
 * has entries at most. Each is made, and its files read, before anything runs.
 */
export class ClientContexts {
  readonly #around: ContextSurroundings;
  readonly #contexts: Map<string, LiveContext> = new Map();
  readonly #removeGauge: () => void;
  #watching = false;

  constructor(around: ContextSurroundings) {
    this.#around = around;
    this.#removeGauge = around.stats.gauge(() => this.#expiresInSeconds(), "certificate_expiry_seconds");
  }

  /** Errors: TlsFileError, TlsSettingError. */
  of(settings: ClientTlsSettings): LiveContext {
    const { disableValidation, trustCertsBundle, trustCerts, clientAuth, protocols } = settings;
    const key = JSON.stringify([disableValidation, trustCertsBundle, trustCerts, clientAuth, protocols]);
    let found = this.#contexts.get(key);
    if (found === undefined) {
      found = clientContext(settings, this.#around);
      this.#contexts.set(key, found);
      if (this.#watching) found.watch();
    }
    return found;
  }

  /** Looks after the files from now on. */
  watch(): void {
    this.#watching = true;
    for (const context of this.#contexts.values()) context.watch();
  }

  /** Others take their place: the gauge is theirs. */
  retire(): void {
    this.#removeGauge();
  }

  close(): void {
    this.#removeGauge();
    for (const context of this.#contexts.values()) context.close();
  }

  /** Of the certificate that expires first; 0 where none is shown. */
  #expiresInSeconds(): number {
    const all = [...this.#contexts.values()].flatMap((context) => context.expiresInSeconds ?? []);
    return all.length === 0 ? 0 : Math.min(...all);
  }
}
