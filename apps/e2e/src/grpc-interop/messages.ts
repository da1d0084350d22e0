import { makeClientConstructor, type ServiceDefinition } from "@grpc/grpc-js";
import { protoFile, serviceDefinition, serviceOf } from "@weftmesh/grpc";

/** What the interop tests of gRPC send: names and numbers are those that their description publishes. */
const file = protoFile({
  name: "grpc/testing/test.proto",
  package: "grpc.testing",
  enums: { PayloadType: { COMPRESSABLE: 0 } },
  messages: {
    Empty: {},
    Payload: { type: { no: 1, type: "PayloadType" }, body: { no: 2, type: "bytes" } },
    EchoStatus: { code: { no: 1, type: "int32" }, message: { no: 2, type: "string" } },
    SimpleRequest: {
      response_type: { no: 1, type: "PayloadType" },
      response_size: { no: 2, type: "int32" },
      payload: { no: 3, type: "Payload" },
      response_status: { no: 7, type: "EchoStatus" },
    },
    SimpleResponse: { payload: { no: 1, type: "Payload" } },
    StreamingInputCallRequest: { payload: { no: 1, type: "Payload" } },
    StreamingInputCallResponse: { aggregated_payload_size: { no: 1, type: "int32" } },
    ResponseParameters: { size: { no: 1, type: "int32" }, interval_us: { no: 2, type: "int32" } },
    StreamingOutputCallRequest: {
      response_type: { no: 1, type: "PayloadType" },
      response_parameters: { no: 2, type: "ResponseParameters", repeated: true },
      payload: { no: 3, type: "Payload" },
      response_status: { no: 7, type: "EchoStatus" },
    },
    StreamingOutputCallResponse: { payload: { no: 1, type: "Payload" } },
  },
  services: {
    TestService: {
      EmptyCall: { request: "Empty", response: "Empty" },
      UnaryCall: { request: "SimpleRequest", response: "SimpleResponse" },
      StreamingInputCall: {
        request: "StreamingInputCallRequest",
        response: "StreamingInputCallResponse",
        clientStream: true,
      },
      StreamingOutputCall: {
        request: "StreamingOutputCallRequest",
        response: "StreamingOutputCallResponse",
        serverStream: true,
      },
      FullDuplexCall: {
        request: "StreamingOutputCallRequest",
        response: "StreamingOutputCallResponse",
        clientStream: true,
        serverStream: true,
      },
      UnimplementedCall: { request: "Empty", response: "Empty" },
    },
    UnimplementedService: { UnimplementedCall: { request: "Empty", response: "Empty" } },
  },
});

export interface EchoStatus {
  readonly code: number;
  readonly message: string;
}

export interface Payload {
  readonly body: Uint8Array;
}

export interface SimpleRequest {
  readonly responseSize: number;
  readonly payload?: Payload;
  readonly responseStatus?: EchoStatus;
}

export interface ResponseParameters {
  readonly size: number;
  readonly intervalUs: number;
}

export interface StreamingRequest {
  readonly responseParameters: readonly ResponseParameters[];
  readonly payload?: Payload;
  readonly responseStatus?: EchoStatus;
}

export interface WithPayload {
  readonly payload?: Payload;
}

export const testService: ServiceDefinition = serviceDefinition(serviceOf(file, "TestService"));
export const TestClient: ReturnType<typeof makeClientConstructor> = makeClientConstructor(testService, "TestService");
export const UnknownClient: ReturnType<typeof makeClientConstructor> = makeClientConstructor(
  serviceDefinition(serviceOf(file, "UnimplementedService")),
  "UnimplementedService",
);

export function zeros(size: number): Payload {
  return { body: new Uint8Array(size) };
}
