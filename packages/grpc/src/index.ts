export {
  ChannelCredentialsParam,
  ChannelOptionsParam,
  EndpointClient,
  type EndpointClientSettings,
} from "./endpoint-client.ts";
export { GrpcCancelledError, GrpcConnectError, GrpcStatusError } from "./errors.ts";
export { type GrpcClassifierOptions, grpcClassifier } from "./grpc-classifier.ts";
export { type GrpcClient, type GrpcService, grpcClient, grpcStack } from "./grpc-client.ts";
export { GrpcRequest, type GrpcRequestOptions } from "./grpc-request.ts";
export {
  type Answerer,
  type AuthContext,
  GrpcResponse,
  type ResponseReader,
  statusResponse,
  WholeResponse,
} from "./grpc-response.ts";
export { grpcPushBackMs, grpcRequeueing, grpcRetrying } from "./grpc-retrying.ts";
export { type HealthOptions, HealthService, type ServingStatus } from "./health.ts";
export { healthFile } from "./health-file.ts";
export { type MeshInterceptorOptions, meshInterceptor } from "./mesh-interceptor.ts";
export { type ProtoField, type ProtoFileSpec, type ProtoMethod, protoFile } from "./proto-file.ts";
export { ReflectionService } from "./reflection.ts";
export { type MessageSink, RequestMessages } from "./request-messages.ts";
export { type AnyMessage, serviceDefinition } from "./service-definition.ts";
export { serviceOf } from "./service-of.ts";
export { statusOfError } from "./status-of-error.ts";
