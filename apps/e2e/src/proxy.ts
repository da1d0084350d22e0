import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromSource, Program, root, type StartOptions } from "./process.ts";
import type { Target } from "./raw-http.ts";

export const proxyArgs: readonly string[] = [...fromSource, join(root, "apps/proxy/src/main.ts")];

/** A folder that goes away with the test. */
export class TempDir {
  readonly path: string = mkdtempSync(join(tmpdir(), "weft-e2e-"));

  write(name: string, text: string): string {
    const file = join(this.path, name);
    writeFileSync(file, text);
    return file;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The default distribution, from source, with a config of which every port may be 0. */
export class RunningProxy {
  readonly program: Program;
  /** Where each router listens, by its label, in the order of the config. */
  readonly servers: ReadonlyMap<string, readonly Target[]>;
  readonly adminPort: number;

  private constructor(program: Program, servers: ReadonlyMap<string, readonly Target[]>, adminPort: number) {
    this.program = program;
    this.servers = servers;
    this.adminPort = adminPort;
  }

  static async start(config: string, options: StartOptions = {}): Promise<RunningProxy> {
    const heap = options.maxHeapMb === undefined ? [] : [`--max-old-space-size=${options.maxHeapMb}`];
    const [command, ...args] = [
      ...(options.through ?? []),
      process.execPath,
      ...heap,
      ...(options.nodeArgs ?? []),
      ...proxyArgs,
      ...(options.args ?? []),
      "-",
    ];
    const program = new Program(command as string, args, { ...options, stdin: config });
    await program.prints(/: initialized\n/);
    const servers = new Map<string, Target[]>();
    for (const [, label = "", ip = "", port] of program.output.matchAll(/serving (\S+) on \/(\S*):(\d+)\n/g)) {
      servers.set(label, [...(servers.get(label) ?? []), { ip, port: Number(port) }]);
    }
    const admin = /serving http admin on \/\S*:(\d+)\n/.exec(program.output);
    return new RunningProxy(program, servers, Number(admin?.[1]));
  }

  at(label = "http", index = 0): Target {
    const target = this.servers.get(label)?.[index];
    if (target === undefined) throw new Error(`no router ${label} listens: ${this.program.output}`);
    return target;
  }

  async metrics(): Promise<Record<string, number>> {
    const response = await fetch(`http://127.0.0.1:${this.adminPort}/admin/metrics.json`);
    return (await response.json()) as Record<string, number>;
  }

  /** The metrics when they are as they should be; a counter may follow its event by a little. */
  async metricsWhen(
    holds: (metrics: Readonly<Record<string, number>>) => boolean,
    withinMs = 10_000,
  ): Promise<Record<string, number>> {
    const end = Date.now() + withinMs;
    for (;;) {
      const metrics = await this.metrics();
      if (holds(metrics)) return metrics;
      if (Date.now() > end) throw new Error(`the metrics are not as expected:\n${JSON.stringify(metrics, null, 1)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Ends it. Errors: when it had ended by itself, with all that it printed. */
  async stop(): Promise<number | null> {
    if (!this.program.running) throw new Error(`the proxy ended by itself:\n${this.program.output}`);
    return this.program.stop();
  }
}
