import type { AnyPlugin } from "@weftmesh/config";
import { ConfigError } from "@weftmesh/config";
import { asError, isWeftError } from "@weftmesh/core";
import type { ProxyOptions } from "./built-proxy.ts";

export interface RunOptions {
  readonly plugins: readonly AnyPlugin[];
  readonly stacks?: ProxyOptions["stacks"];
  readonly sharedModules?: ProxyOptions["sharedModules"];
}

/** Why a process does not come up, for people. */
export function explain(thrown: unknown): string {
  if (thrown instanceof ConfigError) return process.stderr.isTTY === true ? thrown.pretty() : thrown.message;
  const error = asError(thrown);
  return isWeftError(error) ? `${error.code}: ${error.message}` : (error.stack ?? error.message);
}
