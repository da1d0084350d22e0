import type { Params } from "@weftmesh/core";
import { CompressionLevelParam, MaxAggregateBytes, MaxTracedBytes } from "@weftmesh/router";
import type { HttpConfig } from "./config.ts";

const kilobyte = 1024;

/** What the config says of every stack of a router. */
export function routerParams(config: HttpConfig, params: Params): Params {
  return params
    .with(CompressionLevelParam, config.compressionLevel)
    .with(MaxTracedBytes, config.streamAfterContentLengthKB * kilobyte)
    .with(MaxAggregateBytes, config.streamingEnabled ? undefined : config.maxAggregateKB * kilobyte);
}

/** Bodies of requests up to this length are kept to be sent again: those that are held in memory anyway, all of them. */
export function maxReplayBytes(config: HttpConfig): number {
  return (config.streamingEnabled ? config.streamAfterContentLengthKB : config.maxAggregateKB) * kilobyte;
}
