export { CompressionLevelParam } from "@weftmesh/compression";
export { AccessLogParam, AccessLogRole, accessLog } from "./access-log-module.ts";
export {
  AggregateRequestsRole,
  AggregateResponsesRole,
  aggregatedRequests,
  aggregatedResponses,
  MaxAggregateBytes,
} from "./aggregate.ts";
export {
  BoundKey,
  BoundParam,
  type Dst,
  DstKey,
  DstParam,
  LocalDtabKey,
  RouterLabelParam,
  TraceKey,
} from "./call-context.ts";
export { ClearForwardedParam, ClearForwardedRole, clearForwarded } from "./clear-forwarded.ts";
export {
  ClientCertHeaderRole,
  clientCertHeader,
  clientCertValue,
  ForwardClientCertParam,
} from "./client-cert-header.ts";
export { ClientVersionParam, ProtocolHintParam } from "./client-version.ts";
export {
  type CommonRouterConfig,
  ConfiguredRouter,
  type Listening,
  type ListenParts,
  type ProtocolParts,
} from "./configured/configured-router.ts";
export {
  EndpointSettingsParam,
  httpTransport,
  ResponseLimitsParam,
} from "./configured/http-transport.ts";
export { listenConfigured, type VersionRules } from "./configured/listen-configured.ts";
export { ListenError } from "./configured/listen-error.ts";
export { listenVersions } from "./configured/listen-versions.ts";
export { readTarget, type TargetParts } from "./configured/read-target.ts";
export {
  connectionSocket,
  listenerSocket,
  type PaceLimits,
  paceLimits,
  takenOn,
} from "./configured/socket-settings.ts";
export {
  ClientSocketParam,
  clientParams,
  GivenParams,
  serverParams,
  serviceParams,
} from "./configured/stack-params.ts";
export { tunnelOptions } from "./configured/tunnel-options.ts";
export { ContextHeadersRole, contextHeaders } from "./context-headers.ts";
export {
  BaseDtabParam,
  DelegatorParam,
  DiagnosticTracerRole,
  diagnosticTracer,
  MaxTracedBytes,
} from "./diagnostic-tracer.ts";
export { DstClientRole, DstServiceRole, dstClient, dstService } from "./dst-headers.ts";
export { applyEdits, StackEditError, StackParamError } from "./edit-stacks.ts";
export { type ErrorResponder, type ErrorResponderOptions, errorAnswer, newErrorResponder } from "./error-responder.ts";
export { ErrorResponse } from "./error-response.ts";
export { CallDepthError, DtabHeaderError, RequestTooLongError, UnidentifiedError } from "./errors.ts";
export { type FailureKind, type FailureReport, newFailureReporter } from "./failure-report.ts";
export {
  type ForwardedLabeler,
  type ForwardedLabels,
  ForwardedParam,
  ForwardedRole,
  forwardedHeader,
} from "./forwarded-header.ts";
export { h2Stacks } from "./h2-stacks.ts";
export { AuthorityParam, HostRewriteRole, hostRewrite } from "./host-rewrite.ts";
export { type HttpRouter, type HttpRouterOptions, newHttpRouter } from "./http-router.ts";
export { type HttpFilter, type HttpService, httpFilterModule } from "./http-service.ts";
export { httpStacks } from "./http-stacks.ts";
export { Grpc, L5d } from "./linkerd-headers.ts";
export { MaxCallDepthParam, MaxCallDepthRole, maxCallDepth } from "./max-call-depth.ts";
export type { Protocol, RequestToIdentify, Router, RouterRuntime, RunningServer } from "./protocol.ts";
export {
  type NewRequestAuthorizer,
  RequestAuthorizersParam,
  RequestAuthorizersRole,
  requestAuthorizers,
} from "./request-authorizers.ts";
export { ClearContextParam, RequestContextRole, requestContext } from "./request-context.ts";
export { RequestStreamRole, requestStream } from "./request-stream-module.ts";
export { RouterConfigError } from "./router-config-error.ts";
export { firstOf, RoutingService } from "./routing-service.ts";
export { RouterScopes, RouterScopesParam } from "./shared-scopes.ts";
export {
  describeStack,
  editStack,
  makeOver,
  type StackEdit,
  type StackName,
  type StackRow,
  type StackSet,
  stackNames,
} from "./stack-set.ts";
export { SuccessClassRole, successClass } from "./success-class.ts";
export { TimestampHeaderParam, TimestampHeaderRole, timestampHeader } from "./timestamp-header.ts";
export {
  TraceContextRole,
  TraceHeadersRole,
  type TracePropagator,
  TracePropagatorParam,
  traceContext,
  traceHeaders,
} from "./trace-context.ts";
export { newTrace, readTraceId, type TraceId } from "./trace-id.ts";
export { HopByHopRole, hopByHop, ViaRole, viaHeader } from "./via-header.ts";
