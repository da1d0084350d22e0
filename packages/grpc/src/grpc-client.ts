import type { Interceptor } from "@grpc/grpc-js";
import { balancer, EndpointParam } from "@weftmesh/balancer";
import { ClassifierParam, classifier } from "@weftmesh/classify";
import { ClockParam, type Params, type Service, Stack } from "@weftmesh/core";
import { ejectionLimit, failureAccrual } from "@weftmesh/failure-accrual";
import { clientStats, pathStats } from "@weftmesh/metrics";
import { requeues, retries } from "@weftmesh/retries";
import { ConnectTimeoutMs, deadline, requestTimeout, totalTimeout } from "@weftmesh/timeout";
import { ChannelCredentialsParam, ChannelOptionsParam, EndpointClient } from "./endpoint-client.ts";
import { grpcClassifier } from "./grpc-classifier.ts";
import type { GrpcRequest } from "./grpc-request.ts";
import type { GrpcResponse } from "./grpc-response.ts";
import { grpcRequeueing, grpcRetrying } from "./grpc-retrying.ts";
import { meshInterceptor } from "./mesh-interceptor.ts";

export type GrpcService = Service<GrpcRequest, GrpcResponse>;

/** The modules of a client, outermost first, over a channel for each endpoint. Edit it by role as any stack. */
export function grpcStack(): Stack<GrpcService> {
  return new Stack<GrpcService>(
    [
      classifier(),
      pathStats(),
      deadline(),
      totalTimeout(),
      retries(grpcRetrying),
      requeues(grpcRequeueing),
      ejectionLimit(),
      balancer(),
      clientStats(),
      failureAccrual(),
      requestTimeout(),
    ],
    (params) =>
      new EndpointClient(params.get(EndpointParam), {
        credentials: params.get(ChannelCredentialsParam),
        options: params.get(ChannelOptionsParam),
        connectTimeoutMs: params.get(ConnectTimeoutMs),
        clock: params.get(ClockParam),
      }),
  );
}

export interface GrpcClient {
  /** For the `interceptors` of any client of grpc-js, the last of them. Clients may share it. */
  readonly interceptor: Interceptor;
  readonly service: GrpcService;
  /** Resolves when the calls in flight are over and the channels are closed. */
  close(): Promise<void>;
}

/**
 * A balanced gRPC client without a proxy.
 *
 * Shape: `params` are those of the modules in `grpcStack`; `DestParam`, `ClockParam` and `RngParam` have to be set. Calls are
 * judged by `grpcClassifier()` unless `ClassifierParam` says otherwise.
 */
export function grpcClient(params: Params, stack: Stack<GrpcService> = grpcStack()): GrpcClient {
  const all = params.has(ClassifierParam) ? params : params.with(ClassifierParam, grpcClassifier());
  const service = stack.make(all);
  return {
    interceptor: meshInterceptor({ service, clock: all.get(ClockParam) }),
    service,
    close: () => service.close(),
  };
}
