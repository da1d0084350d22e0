import type { AccessLog } from "@weftmesh/access-log";
import { ClockParam, type Module, Params, RngParam, Var } from "@weftmesh/core";
import { type HttpRequest, HttpResponse } from "@weftmesh/http";
import { boundAddr, Path } from "@weftmesh/naming";
import { describeModule, seededRng } from "@weftmesh/testkit";
import { describe } from "vitest";
import { AccessLogParam, accessLog } from "../src/access-log-module.ts";
import { aggregatedRequests, aggregatedResponses, MaxAggregateBytes } from "../src/aggregate.ts";
import { BoundParam, DstParam } from "../src/call-context.ts";
import { clientCertHeader } from "../src/client-cert-header.ts";
import { contextHeaders } from "../src/context-headers.ts";
import { diagnosticTracer } from "../src/diagnostic-tracer.ts";
import { dstClient, dstService } from "../src/dst-headers.ts";
import { ForwardedParam, forwardedHeader } from "../src/forwarded-header.ts";
import { AuthorityParam, hostRewrite } from "../src/host-rewrite.ts";
import type { HttpService } from "../src/http-service.ts";
import { maxCallDepth } from "../src/max-call-depth.ts";
import { RequestAuthorizersParam, requestAuthorizers } from "../src/request-authorizers.ts";
import { ClearContextParam, requestContext } from "../src/request-context.ts";
import { successClass } from "../src/success-class.ts";
import { TimestampHeaderParam, timestampHeader } from "../src/timestamp-header.ts";
import { traceContext, traceHeaders } from "../src/trace-context.ts";
import { hopByHop, viaHeader } from "../src/via-header.ts";
import { request } from "./message.ts";

/** Never opened, so that no timer and no file is left. */
const log = { file: { path: "a.log" }, write: () => {} } as unknown as AccessLog;
const labels = { by: { kind: "requestRandom" }, for: { kind: "connectionRandom" } } as const;
const bound = { id: Path.read("/#/io.l5d.fs/web"), residual: Path.read("/a"), addr: Var.of(boundAddr([])) };
const work = Params.empty
  .with(RngParam, seededRng(1))
  .with(ForwardedParam, labels)
  .with(AuthorityParam, "web.service.consul")
  .with(TimestampHeaderParam, "x-received")
  .with(DstParam, { path: Path.read("/svc/web"), local: undefined })
  .with(BoundParam, bound);

function owes(module: Module<HttpService>, params: Params, canBeLeftOut = false): void {
  describeModule<HttpRequest, HttpResponse>(module, {
    params: (clock) => params.with(ClockParam, clock),
    ...(canBeLeftOut ? { disabled: () => Params.empty } : {}),
    request: () => request(["Host", "web", "l5d-ctx-deadline", "1 2", "l5d-sample", "0.5", "Via", "a", "TE", "x"]),
    reply: () => new HttpResponse(200),
  });
}

owes(requestContext, work);
owes(maxCallDepth, work);
owes(traceContext, work);
owes(traceHeaders, work);
owes(contextHeaders, work);
owes(dstService, work);
owes(viaHeader, work);
owes(hopByHop, work);
owes(successClass, work);
owes(clientCertHeader, work);
owes(forwardedHeader, work, true);
owes(timestampHeader, work, true);
owes(hostRewrite, work, true);
owes(diagnosticTracer, work);
owes(accessLog, work.with(AccessLogParam, log), true);
owes(requestAuthorizers, work.with(RequestAuthorizersParam, [() => (req, ctx, next) => next.call(req, ctx)]), true);
owes(aggregatedRequests, work.with(MaxAggregateBytes, 10), true);
owes(aggregatedResponses, work.with(MaxAggregateBytes, 10), true);
owes(dstClient, work, true);

describe("with clearContext", () => owes(requestContext, work.with(ClearContextParam, true)));
