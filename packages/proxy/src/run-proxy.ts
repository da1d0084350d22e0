import { readFileSync, statSync } from "node:fs";
import { asError, ClockParam } from "@weftmesh/core";
import { inheritedSockets } from "@weftmesh/listeners";
import { type ProxyOptions, readWithPlugins } from "./built-proxy.ts";
import { help, readCommandLine } from "./command-line.ts";
import { createProxy } from "./create-proxy.ts";
import { keepAlive } from "./own-exit.ts";
import { explain, type RunOptions } from "./run-options.ts";
import { ServiceManager } from "./service-manager.ts";
import { actOnSignals } from "./signals.ts";
import { interpretOnly } from "./start-interpreted.ts";
import { tellPredecessor } from "./successor.ts";
import { outliveReaders, surviveUnhandledErrors } from "./unhandled-errors.ts";
import { version } from "./version.ts";
import { workerVariable } from "./worker-settings.ts";
import { collectYoungObjectsAlone } from "./young-objects.ts";

/**
 * A proxy as a program: reads the command line and the config, runs until a signal or `/admin/shutdown`, and gives the
 * exit code. What each signal does stands in `signals.ts`.
 */
export async function runProxy(args: readonly string[], options: RunOptions): Promise<number> {
  outliveReaders();
  keepAlive();
  collectYoungObjectsAlone();
  if (process.env[workerVariable] !== undefined && process.send !== undefined) {
    // What few processes need is read in by those alone.
    const { runWorker } = await import("./run-worker.ts");
    return runWorker(options);
  }
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
  const compileAgain = interpretOnly(text);
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
    const inherited = inheritedSockets(process.env, process.pid);
    const readConfig = (): string => readText(line.config);
    const processOptions: ProxyOptions = {
      ...proxyOptions,
      inherited,
      // Standard input is read once.
      ...(line.config === "-" ? {} : { readConfig }),
    };
    const { workers, workerHeapMb } = line;
    const proxy = await (workers === undefined
      ? createProxy(processOptions)
      : (await import("./supervisor.ts")).createSupervisor(processOptions, { workers, workerHeapMb }));
    actOnSignals(proxy, line.config === "-" ? undefined : readConfig);
    await proxy.start();
    tellPredecessor();
    const { logs, params } = proxy.built;
    const clock = params.get(ClockParam);
    const log = (message: string): void => logs.root.warning(message);
    proxy.tell(new ServiceManager({ env: process.env, pid: process.pid, clock, log }));
    surviveUnhandledErrors(proxy.built.metrics, proxy.built.logs.root);
    compileAgain();
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
