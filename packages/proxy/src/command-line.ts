import { type LogLevel, readLogLevel } from "@weftmesh/telemetry";
import { readWorkerCount } from "@weftmesh/workers";
import { readDurationMs } from "./duration.ts";

/** What a proxy was told on its command line. */
export type CommandLine =
  | {
      readonly kind: "run";
      /** A path, or `-` for standard input. */
      readonly config: string;
      readonly validateOnly: boolean;
      readonly logLevel: LogLevel | undefined;
      readonly histogramWindowMs: number | undefined;
      readonly plugins: readonly string[];
      /** Worker processes; undefined for none, which is one process in all. */
      readonly workers: number | "auto" | undefined;
      /** What the heap of a worker may hold at most; Node's own limit if undefined. */
      readonly workerHeapMb: number | undefined;
    }
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  | { readonly kind: "wrong"; readonly message: string };

export const usage: string = "usage: linkerd path/to/config";

export const help: string = `${usage}

Runs the proxy that a Linkerd 1.x configuration (YAML or JSON) describes; - reads it from standard input.

  -validate            only check the configuration; the exit code says whether it is good
  -log.level=LEVEL     TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL, FATAL or OFF
  -io.buoyant.telemetry.admin.histogramSnapshotInterval=1.minute
                       how long a window of the latency figures is
  --workers N          share the work among N processes, or as many as there are processors: auto
  --worker-heap-mb MB  limit of each worker's heap; one that outgrows it is started again
  --plugin NAME        add the plugins of a package, or of a module by its path; may be repeated
  --help, --version

Signals:
  TERM, INT   finish what is under way within admin.shutdownGraceMs and end; the second one ends at once
  HUP         read the configuration again; a bad one changes nothing
  USR2        start another process in the place of this one, without closing a port in between

Examples:
  weft-proxy proxy.yaml
  weft-proxy -validate proxy.yaml && echo good
  cat proxy.yaml | weft-proxy -
`;

const window = "io.buoyant.telemetry.admin.histogramSnapshotInterval";
/** Flags of the JVM that mean nothing here, and that scripts pass all the same. */
const ignored = new Set(["com.twitter.finagle.tracing.debugTrace"]);

/** Reads the arguments after the program's name. */
export function readCommandLine(args: readonly string[]): CommandLine {
  let config: string | undefined;
  let validateOnly = false;
  let logLevel: LogLevel | undefined;
  let histogramWindowMs: number | undefined;
  const plugins: string[] = [];
  let workers: number | "auto" | undefined;
  let workerHeapMb: number | undefined;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === "-" || !arg.startsWith("-")) {
      if (config !== undefined) return { kind: "wrong", message: usage };
      config = arg;
      continue;
    }
    const [name, value] = splitFlag(arg);
    if (name === "help" || name === "h") return { kind: "help" };
    if (name === "version") return { kind: "version" };
    if (name === "plugin") {
      const plugin = value ?? args[++i];
      if (plugin === undefined) return { kind: "wrong", message: "--plugin needs the name of a package" };
      plugins.push(plugin);
    } else if (name === "workers") {
      workers = readWorkerCount(value ?? args[++i] ?? "");
      if (workers === undefined) return { kind: "wrong", message: "--workers needs a number from 1 to 1024, or auto" };
    } else if (name === "worker-heap-mb") {
      workerHeapMb = Number(value ?? args[++i] ?? "");
      if (!(Number.isInteger(workerHeapMb) && workerHeapMb >= 32 && workerHeapMb <= 1_048_576)) {
        return { kind: "wrong", message: "--worker-heap-mb needs a number of megabytes from 32" };
      }
    } else if (name === "validate") {
      if (value !== undefined && value !== "true" && value !== "false") return wrong(arg, "true or false");
      validateOnly = value !== "false";
    } else if (name === "log.level") {
      logLevel = readLogLevel(value ?? "");
      if (logLevel === undefined) return wrong(arg, "a log level");
    } else if (name === window) {
      histogramWindowMs = readDurationMs(value ?? "");
      if (histogramWindowMs === undefined) return wrong(arg, "a duration such as 1.minute");
    } else if (!ignored.has(name)) return { kind: "wrong", message: `unknown flag ${arg}\n${usage}` };
  }
  if (config === undefined) return { kind: "wrong", message: usage };
  return { kind: "run", config, validateOnly, logLevel, histogramWindowMs, plugins, workers, workerHeapMb };
}

function splitFlag(arg: string): readonly [string, string | undefined] {
  const bare = arg.replace(/^--?/, "");
  const at = bare.indexOf("=");
  return at < 0 ? [bare, undefined] : [bare.slice(0, at), bare.slice(at + 1)];
}

function wrong(arg: string, expected: string): CommandLine {
  return { kind: "wrong", message: `${arg}: ${expected} was expected` };
}
