import type { DescFile, DescService } from "@bufbuild/protobuf";
import { type Server, type ServerDuplexStream, status } from "@grpc/grpc-js";
import { DescriptorIndex } from "./descriptor-index.ts";
import { reflectionFiles } from "./reflection-file.ts";
import { type AnyMessage, serviceDefinition } from "./service-definition.ts";
import { serviceOf } from "./service-of.ts";

/** A field of a oneof, as messages of protobuf-es have it. */
interface Chosen {
  readonly case: string;
  readonly value: unknown;
}

/**
 * Server reflection, `grpc.reflection.v1` and `v1alpha`, so that tools can ask a server what it serves.
 *
 * Shape: lists the services that it is given, and itself; answers for their files and all that these import, and for
 * `files`, which may hold extensions. An answer with a file brings everything that the file needs. A caller that
 * does not read is not read from.
 */
export class ReflectionService {
  readonly #index: DescriptorIndex;
  readonly #services: readonly string[];

  constructor(services: readonly DescService[], files: readonly DescFile[] = []) {
    const all = [...services, ...reflectionFiles.map((file) => serviceOf(file, "ServerReflection"))];
    this.#services = [...new Set(all.map((each) => each.typeName))].sort();
    this.#index = new DescriptorIndex([...all.map((each) => each.file), ...files]);
  }

  /** Before the server is started. */
  addTo(server: Server): void {
    for (const file of reflectionFiles) {
      server.addService(serviceDefinition(serviceOf(file, "ServerReflection")), {
        serverReflectionInfo: (call: ServerDuplexStream<AnyMessage, AnyMessage>) => this.#serve(call),
      });
    }
  }

  #serve(call: ServerDuplexStream<AnyMessage, AnyMessage>): void {
    call.on("data", (request: AnyMessage) => {
      if (!call.write(this.answer(request))) call.pause();
    });
    call.on("drain", () => call.resume());
    call.on("end", () => call.end());
  }

  /** The answer to one request. */
  answer(request: AnyMessage): AnyMessage {
    const { host, messageRequest } = request as { host?: string; messageRequest?: Partial<Chosen> };
    return {
      validHost: host ?? "",
      originalRequest: request,
      messageResponse: this.#answerTo(messageRequest?.case, messageRequest?.value),
    };
  }

  #answerTo(asked: string | undefined, value: unknown): Chosen {
    switch (asked) {
      case "fileByFilename":
        return this.#file(this.#index.byName(String(value)), `file ${String(value)}`);
      case "fileContainingSymbol":
        return this.#file(this.#index.bySymbol(String(value)), `symbol ${String(value)}`);
      case "fileContainingExtension": {
        const { containingType, extensionNumber } = value as { containingType: string; extensionNumber: number };
        const file = this.#index.byExtension(containingType, extensionNumber);
        return this.#file(file, `extension ${extensionNumber} of ${containingType}`);
      }
      case "allExtensionNumbersOfType": {
        const extensionNumber = this.#index.extensionNumbers(String(value));
        if (extensionNumber === undefined) return problem(status.NOT_FOUND, `there is no message ${String(value)}`);
        return {
          case: "allExtensionNumbersResponse",
          value: { baseTypeName: String(value), extensionNumber: [...extensionNumber] },
        };
      }
      case "listServices":
        return { case: "listServicesResponse", value: { service: this.#services.map((name) => ({ name })) } };
      default:
        return problem(status.INVALID_ARGUMENT, "the request asks for nothing that is known");
    }
  }

  #file(file: DescFile | undefined, what: string): Chosen {
    if (file === undefined) return problem(status.NOT_FOUND, `there is no ${what}`);
    return { case: "fileDescriptorResponse", value: { fileDescriptorProto: [...this.#index.encoded(file)] } };
  }
}

function problem(errorCode: number, errorMessage: string): Chosen {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}
