import type { Var } from "@weftmesh/core";
import type { HostAddresses } from "../src/index.ts";

type Done = (error: Error | null, ips: readonly string[]) => void;

/** A name service that answers when it is told to. */
export class FakeDns {
  readonly asked: { host: string; done: Done }[] = [];
  readonly log: string[] = [];

  readonly lookup = (host: string, done: Done): void => {
    this.log.push(host);
    this.asked.push({ host, done });
  };

  answer(...ips: string[]): void {
    this.asked.shift()?.done(null, ips);
  }

  fail(code: string): void {
    this.asked.shift()?.done(Object.assign(new Error(`${code} web`), { code }), []);
  }
}

/** All that is told of a host. */
export class HostWatch {
  readonly states: HostAddresses[] = [];
  readonly #subscription: { unsubscribe(): void };

  constructor(source: Var<HostAddresses>) {
    this.#subscription = source.changes.subscribe((state) => void this.states.push(state));
  }

  get last(): HostAddresses | undefined {
    return this.states.at(-1);
  }

  close(): void {
    this.#subscription.unsubscribe();
  }
}
