import { readFileSync, statSync } from "node:fs";
import type { AnyPlugin } from "@weftmesh/config";
import { ConfigError } from "@weftmesh/config";
import { asError, isWeftError } from "@weftmesh/core";
import { help, readCommandLine } from "./command-line.ts";
import { createProxy, type ProxyOptions, readWithPlugins } from "./create-proxy.ts";
import type { ProxyServer } from "./proxy-server.ts";
import { surviveUnhandledErrors } from "./unhandled-errors.ts";
import { version } from "./version.ts";

export interface RunOptions {
  readonly plugins: readonly AnyPlugin[];
  readonly stacks?: ProxyOptions["stacks"];
  readonly sharedModules?: ProxyOptions["sharedModules"];
}

/**
 * A proxy as a program: reads the command line and the config, runs until a signal or `/admin/shutdown`, and gives the
 * exit code. A second signal ends the process at once.
 */
export async function runProxy(args: readonly string[], options: RunOptions): Promise<number> {
  const line = readCommandLine(args);
  if (line.kind === "help") return say(help, 0);
  if (line.kind === "version") return say(`weftmesh ${version}\n`, 0);
  if (line.kind === "wrong") return complain(line.message, 64);
  let text: string;
  try {
    text = readText(line.config);
  } catch (thrown) {
    return complain(asError(thrown).message, 1);
  }
  const proxyOptions: ProxyOptions = {
    config: text,
    configName: line.config,
    plugins: options.plugins,
    pluginNames: line.plugins,
    ...(options.stacks === undefined ? {} : { stacks: options.stacks }),
    ...(options.sharedModules === undefined ? {} : { sharedModules: options.sharedModules }),
    ...(line.logLevel === undefined ? {} : { logLevel: line.logLevel }),
    ...(line.histogramWindowMs === undefined ? {} : { histogramWindowMs: line.histogramWindowMs }),
  };
  try {
    if (line.validateOnly) {
      await readWithPlugins(proxyOptions);
      return 0;
    }
    const proxy = await createProxy(proxyOptions);
    closeOnSignals(proxy);
    await proxy.start();
    surviveUnhandledErrors(proxy.built.metrics, proxy.built.logs.root);
    await proxy.run();
    return 0;
  } catch (thrown) {
    return complain(explain(thrown), 1);
  }
}

function say(text: string, code: number): number {
  process.stdout.write(text);
  return code;
}

function complain(text: string, code: number): number {
  process.stderr.write(`${text}\n`);
  return code;
}

function readText(config: string): string {
  if (config === "-") return readFileSync(0, "utf8");
  const found = statSync(config, { throwIfNoEntry: false });
  if (found === undefined || !(found.isFile() || found.isFIFO() || found.isCharacterDevice())) {
    throw new Error(`config is not a file: ${config}`);
  }
  return readFileSync(config, "utf8");
}

function explain(thrown: unknown): string {
  if (thrown instanceof ConfigError) return process.stderr.isTTY === true ? thrown.pretty() : thrown.message;
  const error = asError(thrown);
  return isWeftError(error) ? `${error.code}: ${error.message}` : (error.stack ?? error.message);
}

function closeOnSignals(proxy: ProxyServer): void {
  let signalled = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (signalled) process.exit(signal === "SIGINT" ? 130 : 143);
      signalled = true;
      proxy.built.logs.root.info(`Received ${signal}. Shutting down ...`);
      proxy.close().catch((error: Error) => complain(`while closing: ${error.message}`, 1));
    });
  }
}
