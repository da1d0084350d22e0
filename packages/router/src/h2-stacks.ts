import { CompressionRole } from "@weftmesh/compression";
import type { Params } from "@weftmesh/core";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";
import {
  ClientStatsRole,
  clientStreamStats,
  PathStatsRole,
  PerPathClientStatsRole,
  pathStreamStats,
  perPathStreamStats,
  ServerStatsRole,
  serverStreamStats,
} from "@weftmesh/metrics";
import type { UnpooledService } from "@weftmesh/pool";
import { RetryRequestBytes } from "@weftmesh/retries";
import { AggregateRequestsRole, AggregateResponsesRole } from "./aggregate.ts";
import { httpStacks } from "./http-stacks.ts";
import { requestStream } from "./request-stream-module.ts";
import type { StackSet } from "./stack-set.ts";
import { TimestampHeaderRole } from "./timestamp-header.ts";

/**
 * The stacks of an h2 router: those of an http router, with streams in the place of messages of known length. Nothing in
 * them holds a stream back but retries, whose classifier may want to see its end.
 *
 * `transport` makes the sessions of one endpoint, each of which takes many calls at once.
 */
export function h2Stacks(transport: (params: Params) => UnpooledService<HttpRequest, HttpResponse>): StackSet {
  const { server, path, bound, client } = httpStacks(transport, {
    streams: true,
    maxReplayBytes: RetryRequestBytes.default,
  });
  return {
    server: server
      .remove(CompressionRole)
      .remove(TimestampHeaderRole)
      .remove(AggregateRequestsRole)
      .replace(ServerStatsRole, serverStreamStats())
      .before(ServerStatsRole, requestStream), // above all that counts streams
    path: path.replace(PathStatsRole, pathStreamStats()),
    bound,
    client: client
      .remove(AggregateResponsesRole)
      .replace(PerPathClientStatsRole, perPathStreamStats())
      .replace(ClientStatsRole, clientStreamStats()),
  };
}
