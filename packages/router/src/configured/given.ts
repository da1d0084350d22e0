/** The keys of `T` that may be missing are missing, and not undefined. */
export type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** A config without the keys that it leaves undefined, for options that want them left out. */
export function given<T extends object>(config: T): Given<T> {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)) as Given<T>;
}
