import { adaptiveConcurrency, concurrencyLimit, loadShedding, nackAdmission } from "@weftmesh/admission";
import { balancer } from "@weftmesh/balancer";
import { classifier } from "@weftmesh/classify";
import { compression } from "@weftmesh/compression";
import { type Params, Stack } from "@weftmesh/core";
import { ejectionLimit, failFast, failureAccrual } from "@weftmesh/failure-accrual";
import { hedge, httpHedging } from "@weftmesh/hedge";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";
import { clientStats, pathStats, perPathClientStats, serverStats, statusCodeStats } from "@weftmesh/metrics";
import type { UnpooledService } from "@weftmesh/pool";
import { type HttpRetryingOptions, httpRetrying, requeues, retries } from "@weftmesh/retries";
import {
  deadline,
  requestTimeout,
  serverTimeout,
  streamIdleTimeout,
  streamTimeout,
  totalTimeout,
} from "@weftmesh/timeout";
import { accessLog } from "./access-log-module.ts";
import { aggregatedRequests, aggregatedResponses } from "./aggregate.ts";
import { clearForwarded } from "./clear-forwarded.ts";
import { clientCertHeader } from "./client-cert-header.ts";
import { versionPool } from "./client-version.ts";
import { contextHeaders } from "./context-headers.ts";
import { diagnosticTracer } from "./diagnostic-tracer.ts";
import { dstClient, dstService } from "./dst-headers.ts";
import { endpointLabel } from "./endpoint-label.ts";
import { forwardedHeader } from "./forwarded-header.ts";
import { hostRewrite } from "./host-rewrite.ts";
import type { HttpService } from "./http-service.ts";
import { maxCallDepth } from "./max-call-depth.ts";
import { requestAuthorizers } from "./request-authorizers.ts";
import { requestContext } from "./request-context.ts";
import type { StackSet } from "./stack-set.ts";
import { successClass } from "./success-class.ts";
import { timestampHeader } from "./timestamp-header.ts";
import { traceContext, traceHeaders } from "./trace-context.ts";
import { hopByHop, viaHeader } from "./via-header.ts";

/** What stands at the bottom of three of the stacks is supplied by whoever builds them. */
function unfinished(): never {
  throw new TypeError("a stack was built without the service below it");
}

/**
 * The stacks of an HTTP router, in the order in which a request meets their modules.
 *
 * `transport` makes the sessions of one endpoint. Bodies of up to `maxReplayBytes` are kept while they are sent, so that
 * their requests can be sent again. What turns errors into responses is not among the modules: the
 * server's codec asks the error responder, so that a call that goes well pays nothing for it.
 */
export function httpStacks(
  transport: (params: Params) => UnpooledService<HttpRequest, HttpResponse>,
  options?: HttpRetryingOptions,
): StackSet {
  const retrying = httpRetrying(options);
  return {
    server: new Stack<HttpService>(
      [
        compression, // above all: it sees what is really sent
        requestContext, // above all that reads the context, or writes l5d-* on a response
        statusCodeStats(),
        clearForwarded, // above what writes these headers anew
        forwardedHeader,
        timestampHeader,
        maxCallDepth, // above the stats: what it refuses shows as a status, not as a request
        traceContext,
        serverStats(),
        loadShedding(), // below the stats, which count what it and those below it refuse
        deadline(), // above all that waits or works
        serverTimeout(), // above the limits, where a call may wait for its turn
        adaptiveConcurrency(),
        concurrencyLimit(),
        aggregatedRequests, // below the limits, which bound how many bodies are held
      ],
      unfinished,
    ),
    path: new Stack<HttpService>(
      [
        dstService,
        classifier(), // above whatever asks how an answer was
        viaHeader,
        hopByHop,
        successClass,
        pathStats(), // above the retries: a request counts once, however many attempts it took
        totalTimeout(), // above the retries: it bounds all attempts together
        streamTimeout,
        streamIdleTimeout, // above the retries: it watches what the caller sends and gets
        hedge(httpHedging()), // above the retries: each of the two attempts has its own
        retries(retrying),
      ],
      unfinished,
    ),
    bound: new Stack<HttpService>([dstClient], unfinished),
    client: new Stack<HttpService>(
      [
        accessLog, // above whatever changes the request for the backend
        clientCertHeader, // once per call: no attempt can bring the claim back
        hostRewrite,
        requeues(retrying), // above the balancer, which picks anew for each attempt
        nackAdmission(), // below the requeues: what it refuses is not asked for again at once
        traceHeaders, // below the retries: each attempt has a span of its own
        statusCodeStats(),
        ejectionLimit(), // above the balancer: what it counts is shared by the endpoints
        balancer(), // what follows is there once per endpoint
        endpointLabel,
        requestAuthorizers, // above the stats, which do not count what they refuse
        perPathClientStats(),
        clientStats(),
        failureAccrual(), // above the attempt's timeout, which is a failure of the endpoint
        diagnosticTracer,
        requestTimeout(), // below the stats: a timed-out attempt is a failure of its endpoint
        aggregatedResponses, // below the timeout, which counts to the last byte then
        contextHeaders, // below the timeouts, whose deadline it passes on
        versionPool(),
        failFast(), // right above the transport: it watches connections, not calls
      ],
      transport,
    ),
  };
}
