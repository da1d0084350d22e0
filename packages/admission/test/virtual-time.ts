import type { Clock, Ctx, Service, Timer } from "@weftmesh/core";
import { ok } from "@weftmesh/core";

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly fn: () => void;
}

/** Time that runs as fast as it can, for simulations that wait for no promise. Timers are not taken back. */
export class VirtualTime implements Clock {
  #nowMs = 0;
  #order = 0;
  /** A binary heap by time, then order. */
  readonly #heap: Event[] = [];

  now(): number {
    return this.#nowMs;
  }

  epochMs(): number {
    return this.#nowMs;
  }

  after(ms: number, fn: () => void): Timer {
    const heap = this.#heap;
    let at = heap.push({ atMs: this.#nowMs + ms, order: this.#order++, fn }) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!this.#before(at, above)) break;
      this.#swap(at, above);
      at = above;
    }
    return { cancel: () => {} };
  }

  runUntil(untilMs: number): void {
    for (let first = this.#heap[0]; first !== undefined && first.atMs <= untilMs; first = this.#heap[0]) {
      this.#removeFirst();
      this.#nowMs = first.atMs;
      first.fn();
    }
    this.#nowMs = untilMs;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    this.#swap(0, heap.length - 1);
    heap.pop();
    let at = 0;
    for (;;) {
      let least = at;
      for (const below of [2 * at + 1, 2 * at + 2])
        if (below < heap.length && this.#before(below, least)) least = below;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #before(a: number, b: number): boolean {
    const [x, y] = [this.#heap[a] as Event, this.#heap[b] as Event];
    return x.atMs < y.atMs || (x.atMs === y.atMs && x.order < y.order);
  }

  #swap(a: number, b: number): void {
    const kept = this.#heap[a] as Event;
    this.#heap[a] = this.#heap[b] as Event;
    this.#heap[b] = kept;
  }
}

/**
 * A peer with so many workers, each of which takes so long, and a queue without an end before them. It answers through
 * the ctx: nobody waits for its promises.
 */
export class VirtualBackend implements Service<number, string> {
  readonly status = "open";
  workers: number;
  serviceMs: () => number;
  answered = 0;
  latenciesMs: number[] = [];
  readonly #time: VirtualTime;
  readonly #queue: { readonly ctx: Ctx; readonly atMs: number }[] = [];
  #head = 0;
  #working = 0;

  constructor(time: VirtualTime, workers: number, serviceMs: () => number) {
    this.#time = time;
    this.workers = workers;
    this.serviceMs = serviceMs;
  }

  get present(): number {
    return this.#queue.length - this.#head + this.#working;
  }

  call(_req: number, ctx: Ctx): Promise<string> {
    this.#queue.push({ ctx, atMs: this.#time.now() });
    this.#work();
    return new Promise(() => {});
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #work(): void {
    while (this.#working < this.workers && this.#head < this.#queue.length) {
      const { ctx, atMs } = this.#queue[this.#head++] as { ctx: Ctx; atMs: number };
      this.#working++;
      this.#time.after(this.serviceMs(), () => {
        this.#working--;
        this.answered++;
        this.latenciesMs.push(this.#time.now() - atMs);
        ctx.respond("rep");
        ctx.end(ok);
        this.#work();
      });
    }
  }
}
