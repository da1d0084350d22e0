import { asError } from "@weftmesh/core";
import type { AdminHandler, MetricsTree, Telemeter, TelemeterRuntime } from "@weftmesh/telemetry";
import type { Registry } from "prom-client";
import { MetricsTreeCollector, register } from "./collector.ts";
import { prometheusText } from "./exposition.ts";
import { newProcessMetrics, textWithout } from "./process-metrics.ts";

export interface PrometheusTelemeterOptions {
  /** Where the page is; `/admin/metrics/prometheus` if not given. */
  readonly path?: string;
  /** Put before every name; nothing if not given. */
  readonly prefix?: string;
  /**
   * A prom-client registry of the embedding program: it gets the metrics tree as one of its metrics, and the page shows
   * what else is in it in place of the figures of the process.
   */
  readonly registry?: Registry;
}

/**
 * Serves the metrics tree for Prometheus to scrape.
 *
 * Shape: before `run` and after its close the tree is not there, and the page holds the process' figures only.
 * Cost: nothing until the first scrape, which loads prom-client.
 */
export class PrometheusTelemeter implements Telemeter {
  readonly adminHandlers: readonly AdminHandler[];
  readonly #prefix: string;
  readonly #collector: MetricsTreeCollector;
  readonly #given: Registry | undefined;
  #others: Promise<Registry> | undefined;
  #tree: MetricsTree | undefined;

  constructor(options: PrometheusTelemeterOptions = {}) {
    this.#prefix = options.prefix ?? "";
    this.#collector = new MetricsTreeCollector(() => this.#tree, this.#prefix);
    this.#given = options.registry;
    if (options.registry !== undefined) register(options.registry, this.#collector);
    this.adminHandlers = [
      {
        path: options.path ?? "/admin/metrics/prometheus",
        contentType: "text/plain; version=0.0.4; charset=utf-8",
        render: () => this.text(),
      },
    ];
  }

  run(runtime: TelemeterRuntime): { close(): Promise<void> } {
    this.#tree = runtime.metrics;
    return {
      close: () => {
        this.#tree = undefined;
        this.#given?.removeSingleMetric(this.#collector.name);
        return Promise.resolve();
      },
    };
  }

  /** The page: the tree, then the rest. */
  async text(): Promise<string> {
    const ours = this.#tree === undefined ? "" : prometheusText(this.#tree, this.#prefix);
    return ours + (await this.#rest());
  }

  /** The tree is worth showing without the rest: what went wrong stands in a comment, and the next scrape tries again. */
  async #rest(): Promise<string> {
    try {
      this.#others ??= this.#given === undefined ? newProcessMetrics() : Promise.resolve(this.#given);
      return await textWithout(await this.#others, this.#collector.name);
    } catch (thrown) {
      this.#others = undefined;
      return `# no metrics of the process: ${JSON.stringify(asError(thrown).message)}\n`;
    }
  }
}
