/** What a config leaves undefined is left out, as options want it. */
export function withoutUndefined<T extends object>(config: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const said = Object.entries(config).filter(([, value]) => value !== undefined);
  return Object.fromEntries(said) as { [K in keyof T]: Exclude<T[K], undefined> };
}
