import { expect, vi } from "vitest";
import { openFiles } from "./listening-ports.ts";
import type { RunningProxy } from "./proxy.ts";
import { ask } from "./raw-http.ts";

/** For what comes about a little after the event. */
export const patience = { timeout: 15_000, interval: 50 };

/** What a process had before something was done to it. */
export interface Baseline {
  readonly files: number;
  readonly label: string;
}

/** Descriptors of a proxy that is at rest. One request goes first, so that what is opened once is open. */
export async function baselineOf(proxy: RunningProxy, label = "http"): Promise<Baseline> {
  expect((await ask({ to: proxy.at(label) })).status).toBe(200);
  return { files: await ownFiles(proxy), label };
}

/** Descriptors that are open, without those of connections to backends, which are kept on purpose. */
async function ownFiles(proxy: RunningProxy): Promise<number> {
  let kept = 0;
  for (const [name, value] of Object.entries(await proxy.metrics())) {
    if (/\/client\/[^ ]*\/connections$/.test(name)) kept += value;
  }
  return openFiles(proxy.program.pid) - kept;
}

/**
 * What holds after every hostile case: the process lives, a good request is answered, nobody threw what nobody caught,
 * and descriptors and gauges are back where they were.
 */
export async function expectHealthy(proxy: RunningProxy, before: Baseline): Promise<void> {
  expect(proxy.program.running).toBe(true);
  expect((await ask({ to: proxy.at(before.label) })).status).toBe(200);
  expect(proxy.program.output).not.toMatch(/uncaught|unhandled/i);
  await vi.waitFor(async () => {
    // Of connections to backends some are kept.
    const gauges = Object.entries(await proxy.metrics()).filter(([name]) =>
      /\/server\/.*\/(connections|tunnels\/open)$|\/pending$/.test(name),
    );
    expect(gauges.filter(([name]) => name.endsWith("/connections"))).not.toEqual([]);
    expect(gauges.filter(([name]) => name.endsWith("/pending"))).not.toEqual([]);
    expect(gauges.filter(([, value]) => value !== 0)).toEqual([]);
    // The admin server may have a connection or two more.
    expect(await ownFiles(proxy)).toBeLessThanOrEqual(before.files + 3);
  }, patience);
}
