import { Observable, type Subscriber, Subscription } from "rxjs";
import { atDepth, currentDepth, inRound, round, type Waiting, wait } from "./round.ts";

/** Deeper than whatever observes a value directly: see `Var.async`. */
const behindAsync = 1_000_000;

/**
 * A value that changes: it always has one, and whoever subscribes to `changes` is given it at once.
 *
 * Shape: control path only (discovery, name trees, addresses). A request reads a plain field that a subscription wrote.
 * Derived values observe their sources only while they are observed themselves. What `map` and `flatMap` are given
 * must not throw: rxjs reports it as an unhandled error.
 */
export class Var<T> {
  readonly changes: Observable<T>;

  constructor(changes: Observable<T>) {
    this.changes = changes;
  }

  /** A value that never changes. */
  static of<T>(value: T): Var<T> {
    return new Var(new Observable<T>((subscriber) => subscriber.next(value)));
  }

  /** A value that its holder changes. */
  static source<T>(initial: T): VarSource<T> {
    return new VarSource(initial);
  }

  /**
   * A value that `produce` keeps up to date while somebody looks: it starts with the first observer, and its teardown
   * runs when the last has gone. The last value is kept in between.
   */
  static async<T>(initial: T, produce: (update: (value: T) => void) => () => void): Var<T> {
    const source = new VarSource(initial);
    let observers = 0;
    let stop: (() => void) | undefined;
    const changes = new Observable<T>((subscriber) => {
      // What `produce` observes comes before all who observe the result, of whom there may be several.
      if (++observers === 1) {
        stop = atDepth(currentDepth() + behindAsync, () => produce((value) => source.set(value)));
      }
      const inner = source.changes.subscribe(subscriber);
      return () => {
        inner.unsubscribe();
        if (--observers > 0) return;
        stop?.();
        stop = undefined;
      };
    });
    return new Var(changes);
  }

  /**
   * All of them together. A change of one source is one change here, however many of the values come from it, and
   * none is seen beside the older value of another.
   */
  static all<T>(vars: readonly Var<T>[]): Var<readonly T[]> {
    if (vars.length === 0) return Var.of([]);
    return new Var(new Observable<readonly T[]>((subscriber) => new Collector(vars, subscriber).inputs));
  }

  map<U>(f: (value: T) => U): Var<U> {
    return new Var(
      new Observable<U>((subscriber) =>
        this.changes.subscribe({ next: (value) => subscriber.next(f(value)), error: (e) => subscriber.error(e) }),
      ),
    );
  }

  /** Follows the var that `f` chooses; the one before it is let go of first. */
  flatMap<U>(f: (value: T) => Var<U>): Var<U> {
    return new Var(
      new Observable<U>((subscriber) => {
        const depth = currentDepth();
        const all = new Subscription();
        let inner = new Subscription();
        all.add(
          this.changes.subscribe({
            next: (value) => {
              all.remove(inner);
              inner.unsubscribe();
              // Made before it is filled: the choice may change again while it is being followed for the first time.
              const mine = new Subscription();
              inner = mine;
              all.add(mine);
              const chosen = f(value).changes;
              const follow = (): Subscription =>
                chosen.subscribe({
                  next: (each) => {
                    if (!mine.closed) subscriber.next(each);
                  },
                  error: (e) => subscriber.error(e),
                });
              mine.add(atDepth(depth, follow));
            },
            error: (e) => subscriber.error(e),
          }),
        );
        return all;
      }),
    );
  }

  /** The value now: opens and closes an observation. */
  sample(): T {
    let seen: { value: T } | undefined;
    this.changes
      .subscribe((value) => {
        seen = { value };
      })
      .unsubscribe();
    if (seen === undefined) throw new TypeError("a var had no value when it was observed");
    return seen.value;
  }
}

/** One observation of several vars at once. */
class Collector<T> implements Waiting {
  readonly depth: number = currentDepth();
  readonly inputs: Subscription = new Subscription();
  readonly #values: T[];
  readonly #seen: boolean[];
  readonly #subscriber: Subscriber<readonly T[]>;
  #missing: number;
  #started = false;
  #waits = false;

  constructor(vars: readonly Var<T>[], subscriber: Subscriber<readonly T[]>) {
    this.#subscriber = subscriber;
    this.#values = new Array<T>(vars.length);
    this.#seen = new Array<boolean>(vars.length).fill(false);
    this.#missing = vars.length;
    atDepth(this.depth + 1, () => {
      vars.forEach((each, i) => {
        this.inputs.add(
          each.changes.subscribe({ next: (value) => this.#take(i, value), error: (e) => subscriber.error(e) }),
        );
      });
    });
    this.#started = true;
    if (this.#missing === 0) this.#emit();
  }

  speak(): void {
    this.#waits = false;
    this.#emit();
  }

  #take(i: number, value: T): void {
    this.#values[i] = value;
    if (!this.#seen[i]) {
      this.#seen[i] = true;
      this.#missing--;
    }
    if (!this.#started || this.#missing > 0 || this.#waits) return;
    if (inRound()) {
      this.#waits = true;
      wait(this);
    } else this.#emit();
  }

  #emit(): void {
    this.#subscriber.next([...this.#values]);
  }
}

/** A `Var` and the right to change it. */
export class VarSource<T> extends Var<T> {
  #value: T;
  #version = 0;
  readonly #subscribers: Set<Subscriber<T>>;

  constructor(initial: T) {
    const subscribers = new Set<Subscriber<T>>();
    super(
      new Observable<T>((subscriber) => {
        subscribers.add(subscriber);
        subscriber.next(this.#value);
        return () => subscribers.delete(subscriber);
      }),
    );
    this.#value = initial;
    this.#subscribers = subscribers;
  }

  get value(): T {
    return this.#value;
  }

  /** Whether anybody observes it. */
  get observed(): boolean {
    return this.#subscribers.size > 0;
  }

  set(value: T): void {
    this.#value = value;
    const version = ++this.#version;
    round(() => {
      for (const subscriber of [...this.#subscribers]) {
        // Whoever sets it again from within ends this round: nobody hears an older value after a newer one.
        if (this.#version !== version) return;
        subscriber.next(value);
      }
    });
  }

  override sample(): T {
    return this.#value;
  }
}
