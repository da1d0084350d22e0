import type { DescFile } from "@bufbuild/protobuf";
import { protoFile } from "./proto-file.ts";

/** What gRPC's server reflection consists of, which is the same in both of its versions but for the package. */
function reflectionFile(version: "v1" | "v1alpha"): DescFile {
  return protoFile({
    name: `grpc/reflection/${version}/reflection.proto`,
    package: `grpc.reflection.${version}`,
    messages: {
      ServerReflectionRequest: {
        host: { no: 1, type: "string" },
        file_by_filename: { no: 3, type: "string", oneof: "message_request" },
        file_containing_symbol: { no: 4, type: "string", oneof: "message_request" },
        file_containing_extension: { no: 5, type: "ExtensionRequest", oneof: "message_request" },
        all_extension_numbers_of_type: { no: 6, type: "string", oneof: "message_request" },
        list_services: { no: 7, type: "string", oneof: "message_request" },
      },
      ExtensionRequest: {
        containing_type: { no: 1, type: "string" },
        extension_number: { no: 2, type: "int32" },
      },
      ServerReflectionResponse: {
        valid_host: { no: 1, type: "string" },
        original_request: { no: 2, type: "ServerReflectionRequest" },
        file_descriptor_response: { no: 4, type: "FileDescriptorResponse", oneof: "message_response" },
        all_extension_numbers_response: { no: 5, type: "ExtensionNumberResponse", oneof: "message_response" },
        list_services_response: { no: 6, type: "ListServiceResponse", oneof: "message_response" },
        error_response: { no: 7, type: "ErrorResponse", oneof: "message_response" },
      },
      FileDescriptorResponse: { file_descriptor_proto: { no: 1, type: "bytes", repeated: true } },
      ExtensionNumberResponse: {
        base_type_name: { no: 1, type: "string" },
        extension_number: { no: 2, type: "int32", repeated: true },
      },
      ListServiceResponse: { service: { no: 1, type: "ServiceResponse", repeated: true } },
      ServiceResponse: { name: { no: 1, type: "string" } },
      ErrorResponse: { error_code: { no: 1, type: "int32" }, error_message: { no: 2, type: "string" } },
    },
    services: {
      ServerReflection: {
        ServerReflectionInfo: {
          request: "ServerReflectionRequest",
          response: "ServerReflectionResponse",
          clientStream: true,
          serverStream: true,
        },
      },
    },
  });
}

export const reflectionFiles: readonly DescFile[] = [reflectionFile("v1"), reflectionFile("v1alpha")];
