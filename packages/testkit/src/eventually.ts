import { setImmediate as nextTurn } from "node:timers/promises";
import { systemClock } from "@weftmesh/core";

/**
 * Waits, turn by turn of the event loop, until the condition holds: for what real input and output bring about.
 *
 * Errors: says what never came after `withinMs` (5 s if not given), with the last value of the condition.
 */
export async function eventually(what: string, condition: () => unknown, withinMs = 5000): Promise<void> {
  const untilMs = systemClock.now() + withinMs;
  for (;;) {
    const holds = condition();
    if (holds === true) return;
    if (systemClock.now() > untilMs) throw new Error(`waited ${withinMs} ms in vain until ${what}: ${String(holds)}`);
    await nextTurn();
  }
}
