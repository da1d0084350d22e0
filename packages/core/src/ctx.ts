/** A key for a value that travels with a call. */
export interface CtxKey<T> {
  readonly name: string;
  readonly default: T;
}

/** Declares a key, once per module and never per request. */
export function ctxKey<T>(name: string, defaultValue: T): CtxKey<T> {
  return { name, default: defaultValue };
}

/** How a call ended. */
export type Outcome = { readonly kind: "ok" } | { readonly kind: "failed"; readonly error: Error };

export const ok: Outcome = { kind: "ok" };

export function failed(error: Error): Outcome {
  return { kind: "failed", error };
}

/** Watches one call. `onResponse` comes with the head of the answer, `onEnd` once, when the body has ended as well. */
export interface Observer {
  onResponse?(ctx: Ctx, rep: unknown): void;
  onEnd(ctx: Ctx, outcome: Outcome): void;
}

type CancelListener = (reason: Error) => void;

/**
 * What accompanies one call: deadline, values, observers and the way to cancel it.
 *
 * Shape: whoever makes one (a server codec, an attempt of a retry) calls `respond` with the head of the answer and
 * `end` when the whole call is over; nobody else does. Observers hear both in reverse order of registration.
 * Cost: observers, listeners and values take no memory until there are some.
 */
export class Ctx {
  /** ms on the clock's monotonic time; `Infinity` when there is none. */
  deadline: number = Number.POSITIVE_INFINITY;

  private readonly parent: Ctx | undefined;
  /** Pairs of key and value: a handful per call, so a scan beats a map. */
  private values: unknown[] | undefined = undefined;
  private observers: Observer[] | undefined = undefined;
  private listeners: CancelListener[] | undefined = undefined;
  /** One attempt at a time is the rule, so the first child needs no set. */
  private child: Ctx | undefined = undefined;
  private children: Set<Ctx> | undefined = undefined;
  private reason: Error | undefined = undefined;
  private outcome: Outcome | undefined = undefined;

  constructor(parent?: Ctx) {
    this.parent = parent;
    if (parent !== undefined) this.deadline = parent.deadline;
  }

  /** The value set here or, failing that, by a parent; else the key's default. */
  get<T>(key: CtxKey<T>): T {
    for (let ctx: Ctx | undefined = this; ctx !== undefined; ctx = ctx.parent) {
      const values = ctx.values;
      if (values === undefined) continue;
      for (let i = 0; i < values.length; i += 2) if (values[i] === key) return values[i + 1] as T;
    }
    return key.default;
  }

  set<T>(key: CtxKey<T>, value: T): this {
    const values = this.values;
    if (values === undefined) {
      this.values = [key, value];
      return this;
    }
    for (let i = 0; i < values.length; i += 2) {
      if (values[i] === key) {
        values[i + 1] = value;
        return this;
      }
    }
    values.push(key, value);
    return this;
  }

  /** The ctx of the whole call: where to leave what whoever answers for the call has to know. */
  get root(): Ctx {
    let ctx: Ctx = this;
    while (ctx.parent !== undefined) ctx = ctx.parent;
    return ctx;
  }

  /** Adds an observer; one added after the end hears the outcome at once. */
  observe(observer: Observer): void {
    if (this.outcome !== undefined) {
      observer.onEnd(this, this.outcome);
      return;
    }
    if (this.observers === undefined) this.observers = [observer];
    else this.observers.push(observer);
  }

  /** The reason, once the call was cancelled. */
  get cancelled(): Error | undefined {
    return this.reason;
  }

  get ended(): boolean {
    return this.outcome !== undefined;
  }

  /** Tells every listener below, and every attempt made from here, to give up. Only the first reason counts. */
  cancel(reason: Error): void {
    if (this.reason !== undefined || this.outcome !== undefined) return;
    this.reason = reason;
    const listeners = this.listeners;
    this.listeners = undefined;
    const { child, children } = this;
    this.child = undefined;
    this.children = undefined;
    if (listeners !== undefined) for (const listener of listeners) listener(reason);
    child?.cancel(reason);
    if (children !== undefined) for (const each of children) each.cancel(reason);
  }

  /** Calls `listener` when the call is cancelled, at once if it was; never after the end. */
  onCancel(listener: CancelListener): void {
    if (this.reason !== undefined) {
      listener(this.reason);
      return;
    }
    if (this.outcome !== undefined) return;
    if (this.listeners === undefined) this.listeners = [listener];
    else this.listeners.push(listener);
  }

  /** A call within this one, as an attempt of a retry is: cancelled with its parent, observed on its own. */
  fork(): Ctx {
    const child = new Ctx(this);
    if (this.reason !== undefined) child.reason = this.reason;
    else if (this.outcome === undefined) this.adopt(child);
    return child;
  }

  private adopt(child: Ctx): void {
    if (this.child === undefined) this.child = child;
    else if (this.children === undefined) this.children = new Set([child]);
    else this.children.add(child);
  }

  private forget(child: Ctx): void {
    if (this.child === child) this.child = undefined;
    else this.children?.delete(child);
  }

  /** For the maker of this ctx: the head of the answer is here. */
  respond(rep: unknown): void {
    const observers = this.observers;
    if (observers === undefined || this.outcome !== undefined) return;
    for (let i = observers.length - 1; i >= 0; i--) observers[i]?.onResponse?.(this, rep);
  }

  /** For the maker of this ctx: the call is over. Only the first outcome counts. */
  end(outcome: Outcome): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.listeners = undefined;
    this.child = undefined;
    this.children = undefined;
    this.parent?.forget(this);
    const observers = this.observers;
    if (observers === undefined) return;
    this.observers = undefined;
    for (let i = observers.length - 1; i >= 0; i--) observers[i]?.onEnd(this, outcome);
  }
}
