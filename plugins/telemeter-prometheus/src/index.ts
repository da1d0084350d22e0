export { MetricsTreeCollector, register } from "./collector.ts";
export { prometheusText } from "./exposition.ts";
export { PromRegistryParam, prometheusTelemeter } from "./plugin.ts";
export { PrometheusTelemeter, type PrometheusTelemeterOptions } from "./prometheus-telemeter.ts";
export { forEachSample, type Labels, type Sample } from "./series.ts";
