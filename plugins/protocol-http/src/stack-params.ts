import type { Params } from "@weftmesh/core";
import { serverParams as commonServerParams, TimestampHeaderParam } from "@weftmesh/router";
import type { HttpServerConfig } from "./config.ts";

export function serverParams(config: HttpServerConfig): Params {
  return commonServerParams(config).set(TimestampHeaderParam, config.timestampHeader).params;
}
