import { connect } from "node:http2";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_descriptor,
} from "@bufbuild/protobuf/wkt";
import {
  type ClientDuplexStream,
  type GrpcObject,
  loadPackageDefinition,
  type ServiceClientConstructor,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { systemClock } from "@weftmesh/core";
import { eventually } from "@weftmesh/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { HealthService, healthFile, protoFile, ReflectionService, serviceOf } from "../src/index.ts";
import { echoService } from "./support/echo.ts";
import { listening, plain } from "./support/listening.ts";

const require = createRequire(import.meta.url);
const protos = join(dirname(require.resolve("@grpc/reflection/package.json")), "build/proto");

/** A client whose messages another implementation reads off the protocol's own file. */
function clientOf(version: "v1" | "v1alpha"): ServiceClientConstructor {
  const loaded = loadPackageDefinition(loadSync(join(protos, `grpc/reflection/${version}/reflection.proto`)));
  const found = (((loaded["grpc"] as GrpcObject)["reflection"] as GrpcObject)[version] as GrpcObject)[
    "ServerReflection"
  ];
  return found as ServiceClientConstructor;
}

interface Answer {
  readonly validHost: string;
  readonly originalRequest: Record<string, unknown>;
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: readonly Uint8Array[] };
  readonly allExtensionNumbersResponse?: { readonly baseTypeName: string; readonly extensionNumber: readonly number[] };
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] };
  readonly errorResponse?: { readonly errorCode: number; readonly errorMessage: string };
}

type Stream = ClientDuplexStream<Record<string, unknown>, Answer>;
const open: (() => void)[] = [];

afterEach(() => {
  for (const close of open.splice(0).reverse()) close();
});

async function reflecting(version: "v1" | "v1alpha", reflection: ReflectionService): Promise<() => Stream> {
  const { server, target } = await listening((each) => {
    new HealthService().addTo(each);
    reflection.addTo(each);
  });
  open.push(() => server.forceShutdown());
  const client = new (clientOf(version))(target, plain);
  open.push(() => client.close());
  return () => {
    const stream: Stream = client["ServerReflectionInfo"]?.();
    stream.on("error", () => {});
    return stream;
  };
}

/** All answers to these requests, on one stream. */
async function ask(stream: Stream, requests: readonly Record<string, unknown>[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  stream.on("data", (each: Answer) => answers.push(each));
  const ended = new Promise((resolve) => stream.on("end", resolve));
  for (const each of requests) stream.write(each);
  stream.end();
  await ended;
  return answers;
}

function namesIn(answer: Answer | undefined): (string | undefined)[] | undefined {
  return answer?.fileDescriptorResponse?.fileDescriptorProto.map(
    (each) => fromBinary(FileDescriptorProtoSchema, each).name,
  );
}

const base = protoFile({
  name: "test/base.proto",
  package: "test.base",
  enums: { Kind: { KIND_NONE: 0, KIND_SOME: 1 } },
  messages: { Base: { kind: { no: 1, type: "Kind" } }, "Base.Inner": { text: { no: 1, type: "string" } } },
});
const over = protoFile({
  name: "test/over.proto",
  package: "test.over",
  imports: [base],
  messages: { Ask: { base: { no: 1, type: "test.base.Base" } } },
  services: { Over: { Get: { request: "Ask", response: "test.base.Base" } } },
});
/** Extensions exist in proto2 alone. */
const extending = createFileRegistry(
  create(FileDescriptorSetSchema, {
    file: [
      {
        name: "test/open.proto",
        package: "test.open",
        syntax: "proto2",
        messageType: [{ name: "Open", extensionRange: [{ start: 100, end: 200 }] }],
        extension: [
          { name: "second", number: 120, label: 1, type: 9, extendee: ".test.open.Open" },
          { name: "first", number: 101, label: 1, type: 9, extendee: ".test.open.Open" },
        ],
      },
    ],
  }),
).getFile("test/open.proto");
if (extending === undefined) throw new TypeError("no file");

describe.each(["v1", "v1alpha"] as const)("server reflection %s", (version) => {
  const reflection = new ReflectionService(
    [serviceOf(healthFile, "Health"), serviceOf(over, "Over"), echoService],
    [extending, file_google_protobuf_descriptor],
  );

  it("lists the services, and itself", async () => {
    const stream = await reflecting(version, reflection);
    const [answer] = await ask(stream(), [{ host: "here", listServices: "" }]);
    expect(answer?.listServicesResponse?.service.map((each) => each.name)).toEqual([
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
      "test.over.Over",
      "weftmesh.test.Echo",
    ]);
    expect(answer?.validHost).toBe("here");
    expect(answer?.originalRequest).toMatchObject({ host: "here", listServices: "" });
  });

  it("gives a file by its name, with the files that it imports behind it", async () => {
    const stream = await reflecting(version, reflection);
    const [own, needed] = await ask(stream(), [
      { fileByFilename: "test/over.proto" },
      { fileByFilename: "test/base.proto" },
    ]);
    expect(namesIn(own)).toEqual(["test/over.proto", "test/base.proto"]);
    expect(namesIn(needed)).toEqual(["test/base.proto"]);
  });

  it("finds the file of whatever has a name", async () => {
    const stream = await reflecting(version, reflection);
    const symbols = {
      "test.over.Over": "test/over.proto",
      "test.over.Over.Get": "test/over.proto",
      "test.over.Ask": "test/over.proto",
      "test.over.Ask.base": "test/over.proto",
      "test.base.Base.Inner": "test/base.proto",
      "test.base.Kind": "test/base.proto",
      "test.base.KIND_SOME": "test/base.proto",
      "test.open.first": "test/open.proto",
      "grpc.health.v1.HealthCheckResponse.ServingStatus": "grpc/health/v1/health.proto",
      "grpc.health.v1.HealthCheckResponse.SERVING": "grpc/health/v1/health.proto",
    };
    const answers = await ask(
      stream(),
      Object.keys(symbols).map((fileContainingSymbol) => ({ fileContainingSymbol })),
    );
    expect(answers.map((each) => namesIn(each)?.[0])).toEqual(Object.values(symbols));
  });

  it("finds extensions", async () => {
    const stream = await reflecting(version, reflection);
    const answers = await ask(stream(), [
      { allExtensionNumbersOfType: "test.open.Open" },
      { allExtensionNumbersOfType: "test.base.Base" },
      { allExtensionNumbersOfType: "test.base.None" },
      { fileContainingExtension: { containingType: "test.open.Open", extensionNumber: 120 } },
      { fileContainingExtension: { containingType: "test.open.Open", extensionNumber: 121 } },
    ]);
    expect(answers[0]?.allExtensionNumbersResponse).toEqual({
      baseTypeName: "test.open.Open",
      extensionNumber: [101, 120],
    });
    expect(answers[1]?.allExtensionNumbersResponse?.extensionNumber ?? []).toEqual([]);
    expect(answers[2]?.errorResponse?.errorCode).toBe(5);
    expect(namesIn(answers[3])).toEqual(["test/open.proto"]);
    expect(answers[4]?.errorResponse?.errorCode).toBe(5);
  });

  it("says what it does not have, and goes on", async () => {
    const stream = await reflecting(version, reflection);
    const answers = await ask(stream(), [
      { fileByFilename: "none.proto" },
      { fileContainingSymbol: "no.such.Thing" },
      { fileContainingSymbol: "__proto__" },
      {},
      { listServices: "*" },
    ]);
    expect(answers.map((each) => each.errorResponse?.errorCode)).toEqual([5, 5, 5, 3, undefined]);
    expect(answers[0]?.errorResponse?.errorMessage).toBe("there is no file none.proto");
  });

  it("gives files of which the very descriptors can be made again", async () => {
    const stream = await reflecting(version, reflection);
    const [answer] = await ask(stream(), [{ fileContainingSymbol: "test.over.Over" }]);
    const file = answer?.fileDescriptorResponse?.fileDescriptorProto.map((each) =>
      fromBinary(FileDescriptorProtoSchema, each),
    );
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: (file ?? []).reverse() }));
    const again = registry.getService("test.over.Over");
    expect(again?.methods.map((each) => `${each.name} ${each.input.typeName} ${each.output.typeName}`)).toEqual([
      "Get test.over.Ask test.base.Base",
    ]);
    expect(toBinary(FileDescriptorProtoSchema, over.proto)).toEqual(
      new Uint8Array(answer?.fileDescriptorResponse?.fileDescriptorProto[0] ?? []),
    );
  });
});

describe("a caller of server reflection that does not read", () => {
  it("is not read from, so that its requests make no heap of answers", async () => {
    let answered = 0;
    class Counting extends ReflectionService {
      override answer(request: Parameters<ReflectionService["answer"]>[0]): ReturnType<ReflectionService["answer"]> {
        answered++;
        return super.answer(request);
      }
    }
    const { server, target } = await listening((each) =>
      new Counting([], [file_google_protobuf_descriptor]).addTo(each),
    );
    open.push(() => server.forceShutdown());
    // A client of grpc-js would buffer what nobody reads.
    const session = connect(`http://${target}`);
    open.push(() => session.destroy());
    const stream = session.request({
      ":method": "POST",
      ":path": "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.on("error", () => {});
    const name = Buffer.from("google/protobuf/descriptor.proto");
    const request = Buffer.concat([Buffer.from([0, 0, 0, 0, name.length + 2, 0x1a, name.length]), name]);
    const total = 20_000;
    for (let i = 0; i < total; i++) stream.write(request);
    stream.end();
    let last = -1;
    let sinceMs = 0;
    const isQuiet = (): boolean => {
      if (answered !== last) {
        last = answered;
        sinceMs = systemClock.now();
      }
      return answered > 0 && systemClock.now() - sinceMs > 300;
    };
    await eventually("no more is answered", isQuiet, 15_000);
    // An answer has 12 KB: what fits into windows and buffers is a few dozen of them.
    expect(answered).toBeLessThan(1000);
    const paused = answered;
    stream.on("data", () => {});
    await eventually("it goes on once it is read from", () => answered > paused + 1000, 15_000);
  });
});
