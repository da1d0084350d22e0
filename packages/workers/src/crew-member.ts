import type { Taker } from "./distributor.ts";
import type { ToWorker } from "./messages.ts";

/** One worker process, as its supervisor holds it. */
export interface WorkerLink {
  readonly pid: number | undefined;
  /** Says nothing to a process that is gone. `handle` is a handle of Node's own. */
  send(message: ToWorker, handle?: unknown): void;
  kill(signal: NodeJS.Signals): void;
}

/** Asked of a worker, and not answered so far. */
interface Asked {
  readonly answered: (answer: unknown) => void;
  readonly gone: () => void;
}

/** A worker from its start to its end. */
export class CrewMember implements Taker {
  /** Never used again. */
  readonly id: number;
  /** Its place among the workers, from 1. */
  readonly place: number;
  readonly watches: Map<number, () => void> = new Map();
  link: WorkerLink | undefined = undefined;
  state: "starting" | "ready" | "leaving" | "gone" = "starting";
  readyAtMs = 0;
  heardAtMs: number;
  readonly #asked = new Map<number, Asked>();
  #lastAsked = 0;

  constructor(id: number, place: number, nowMs: number) {
    this.id = id;
    this.place = place;
    this.heardAtMs = nowMs;
  }

  take(handle: unknown, to: string): void {
    this.link?.send({ t: "connection", to }, handle);
  }

  send(message: ToWorker): void {
    this.link?.send(message);
  }

  /** Undefined when it ends before it answers. */
  ask(question: (id: number) => ToWorker): Promise<unknown> {
    if (this.state === "gone") return Promise.resolve(undefined);
    const id = ++this.#lastAsked;
    return new Promise((resolve) => {
      this.#asked.set(id, { answered: resolve, gone: () => resolve(undefined) });
      this.send(question(id));
    });
  }

  answer(id: number, answer: unknown): void {
    this.#asked.get(id)?.answered(answer);
    this.#asked.delete(id);
  }

  end(): void {
    this.state = "gone";
    for (const unwatch of this.watches.values()) unwatch();
    this.watches.clear();
    for (const { gone } of this.#asked.values()) gone();
    this.#asked.clear();
  }
}
