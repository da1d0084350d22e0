import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Child } from "./child.ts";

/** Of this app. */
export const home: string = join(dirname(fileURLToPath(import.meta.url)), "..");

export interface Rig {
  /** A folder of the rig's own, for configs, logs and installed peers. */
  readonly dir: string;
  /** Ports of the three backends. */
  readonly upstreams: readonly number[];
}

/** What a proxy speaks with its callers, and what with its backends. */
export interface Sides {
  readonly caller: "http1" | "http2";
  readonly backend: "http1" | "http2";
}

/** A proxy to measure: `start` gives a reason where it is not to be had. */
export interface Peer {
  readonly name: string;
  start(rig: Rig, port: number): Promise<Child | string>;
}

export function has(command: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((each) => existsSync(join(each, command)));
}

export function write(rig: Rig, name: string, text: string): string {
  const file = join(rig.dir, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

export async function started(child: Child, port: number): Promise<Child> {
  await child.ready(port);
  return child;
}
