/** Waits until the condition holds: never for a fixed time. Errors: says what never came. */
export async function until(condition: () => unknown, what: string, withinMs = 20_000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while ((await condition()) !== true) {
    if (performance.now() > endMs) throw new Error(`waited ${withinMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
