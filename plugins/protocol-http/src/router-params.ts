import { AccessLog, readRollPolicy } from "@weftmesh/access-log";
import { ClockParam, type Params } from "@weftmesh/core";
import {
  AccessLogParam,
  CompressionLevelParam,
  MaxAggregateBytes,
  MaxTracedBytes,
  TracePropagatorParam,
} from "@weftmesh/router";
import { type Logger, StatsParam } from "@weftmesh/telemetry";
import type { HttpConfig } from "./config.ts";

const kilobyte = 1024;

/** What the config says of every stack of a router. */
export function routerParams(config: HttpConfig, params: Params, log: AccessLog | undefined): Params {
  return params
    .with(CompressionLevelParam, config.compressionLevel)
    .with(MaxTracedBytes, config.streamAfterContentLengthKB * kilobyte)
    .with(AccessLogParam, log)
    .with(TracePropagatorParam, config.tracePropagator.kind)
    .with(MaxAggregateBytes, config.streamingEnabled ? undefined : config.maxAggregateKB * kilobyte);
}

/** Bodies of requests up to this length are kept to be sent again: those that are held in memory anyway, all of them. */
export function maxReplayBytes(config: HttpConfig): number {
  return (config.streamingEnabled ? config.streamAfterContentLengthKB : config.maxAggregateKB) * kilobyte;
}

/** Files that this process has begun: a reload goes on with them, whatever `httpAccessLogAppend` says. */
const begun = new Set<string>();

/** Opens the access log. Errors: `WEFT_ACCESS_LOG`. */
export async function openAccessLog(log: AccessLog): Promise<void> {
  await log.file.open();
  begun.add(log.file.path);
}

/** The access log of a router, not opened yet. */
export function accessLogOf(config: HttpConfig, label: string, params: Params, logger: Logger): AccessLog | undefined {
  const { httpAccessLog: path } = config;
  if (path === undefined) return undefined;
  return new AccessLog({
    path,
    format: config.httpAccessLogFormat,
    policy: readRollPolicy(config.httpAccessLogRollPolicy),
    append: config.httpAccessLogAppend || begun.has(path),
    rotateCount: config.httpAccessLogRotateCount,
    clock: params.get(ClockParam),
    stats: params.get(StatsParam).scope("rt", label, "access_log"),
    onProblem: (message) => logger.error(message),
  });
}
