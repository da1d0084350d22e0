import type { DescFile } from "@bufbuild/protobuf";
import { protoFile } from "./proto-file.ts";

/** What gRPC's health checking protocol consists of: names and numbers are the protocol's. */
export const healthFile: DescFile = protoFile({
  name: "grpc/health/v1/health.proto",
  package: "grpc.health.v1",
  enums: {
    "HealthCheckResponse.ServingStatus": { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 },
  },
  messages: {
    HealthCheckRequest: { service: { no: 1, type: "string" } },
    HealthCheckResponse: { status: { no: 1, type: "HealthCheckResponse.ServingStatus" } },
    HealthListRequest: {},
    HealthListResponse: { statuses: { no: 1, type: "HealthCheckResponse", mapKey: "string" } },
  },
  services: {
    Health: {
      Check: { request: "HealthCheckRequest", response: "HealthCheckResponse" },
      List: { request: "HealthListRequest", response: "HealthListResponse" },
      Watch: { request: "HealthCheckRequest", response: "HealthCheckResponse", serverStream: true },
    },
  },
});
