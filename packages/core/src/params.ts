/** A key for one value that modules of a stack read when they are made. Its identity is the object itself. */
export interface Param<T> {
  readonly name: string;
  readonly default: T;
  /** How the value looks in a listing of the stack. */
  readonly show: (value: T) => unknown;
}

/** Declares a parameter, once, beside the module that reads it. */
export function param<T>(name: string, defaultValue: T, show: (value: T) => unknown = (value) => value): Param<T> {
  return { name, default: defaultValue, show };
}

// biome-ignore lint/suspicious/noExplicitAny: a spec mixes parameters of every type, and Param is invariant in its own
export type ParamSpec = Readonly<Record<string, Param<any>>>;
export type ParamValues<P extends ParamSpec> = { readonly [K in keyof P]: P[K] extends Param<infer T> ? T : never };

/** An immutable map from parameters to values; what was not set has its default. */
export class Params implements Iterable<readonly [Param<unknown>, unknown]> {
  static readonly empty: Params = new Params(new Map<object, unknown>());
  readonly #values: ReadonlyMap<object, unknown>;

  private constructor(values: ReadonlyMap<object, unknown>) {
    this.#values = values;
  }

  get<T>(key: Param<T>): T {
    const found = this.#values.get(key);
    return found === undefined && !this.has(key) ? key.default : (found as T);
  }

  /** True only for what was set, never for a default. */
  has<T>(key: Param<T>): boolean {
    return this.#values.has(key);
  }

  with<T>(key: Param<T>, value: NoInfer<T>): Params {
    return new Params(new Map(this.#values).set(key, value));
  }

  /** As if it had never been set. */
  without<T>(key: Param<T>): Params {
    const values = new Map(this.#values);
    values.delete(key);
    return new Params(values);
  }

  /** Both together; where both have a value the other one's counts. */
  merge(other: Params): Params {
    if (other.#values.size === 0) return this;
    if (this.#values.size === 0) return other;
    return new Params(new Map([...this.#values, ...other.#values]));
  }

  *[Symbol.iterator](): Iterator<readonly [Param<unknown>, unknown]> {
    for (const [key, value] of this.#values) yield [key as Param<unknown>, value];
  }

  /** The values that a module declared it reads. */
  pick<P extends ParamSpec>(spec: P): ParamValues<P> {
    const picked: Record<string, unknown> = {};
    for (const [name, key] of Object.entries(spec)) picked[name] = this.get(key);
    return picked as ParamValues<P>;
  }
}
