import { Observable, type Subscriber } from "rxjs";

/**
 * A value that changes: it always has one, and whoever subscribes to `changes` is given it at once.
 *
 * Shape: control path only (discovery, name trees, addresses). A request reads a plain field that a subscription wrote.
 * Derived values observe their sources only while they are observed themselves.
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
      if (++observers === 1) stop = produce((value) => source.set(value));
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

  /** All of them together; a change of several at once may be seen as several changes. */
  static all<T>(vars: readonly Var<T>[]): Var<readonly T[]> {
    if (vars.length === 0) return Var.of([]);
    return new Var(new Observable<readonly T[]>((subscriber) => collect(vars, subscriber)));
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
        let inner: { unsubscribe(): void } | undefined;
        const outer = this.changes.subscribe({
          next: (value) => {
            inner?.unsubscribe();
            inner = f(value).changes.subscribe({
              next: (each) => subscriber.next(each),
              error: (e) => subscriber.error(e),
            });
          },
          error: (e) => subscriber.error(e),
        });
        return () => {
          outer.unsubscribe();
          inner?.unsubscribe();
        };
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

function collect<T>(vars: readonly Var<T>[], subscriber: Subscriber<readonly T[]>): () => void {
  const values = new Array<T>(vars.length);
  let missing = vars.length;
  const seen = new Array<boolean>(vars.length).fill(false);
  const inner = vars.map((each, i) =>
    each.changes.subscribe((value) => {
      values[i] = value;
      if (!seen[i]) {
        seen[i] = true;
        missing--;
      }
      if (missing === 0) subscriber.next([...values]);
    }),
  );
  return () => {
    for (const subscription of inner) subscription.unsubscribe();
  };
}

/** A `Var` and the right to change it. */
export class VarSource<T> extends Var<T> {
  #value: T;
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
    for (const subscriber of [...this.#subscribers]) {
      // Whoever sets it again from within ends this round: nobody hears an older value after a newer one.
      if (this.#value !== value) return;
      subscriber.next(value);
    }
  }

  override sample(): T {
    return this.#value;
  }
}
