import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Metadata, status } from "@grpc/grpc-js";
import { clientStream, duplex, type Result, type Stub, serverStream, unary } from "./calls.ts";
import { type WithPayload, zeros } from "./messages.ts";

export interface InteropClients {
  readonly test: Stub;
  /** A client of a service that no server has. */
  readonly unknown: Stub;
}

export interface InteropCase {
  readonly name: string;
  run(clients: InteropClients): Promise<void>;
}

const responseSizes = [31_415, 9, 2_653, 58_979];
const requestSizes = [27_182, 8, 1_828, 45_904];
const largeRequest = { responseSize: 314_159, payload: zeros(271_828) };
const special = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \u{1f608}\t\n";

/** The cases of gRPC's interop description that concern neither a cloud's credentials, nor caching, nor flags of messages. */
export const interopCases: readonly InteropCase[] = [
  {
    name: "empty_unary",
    run: async ({ test }) => {
      const result = await unary(test, "emptyCall", {});
      succeeded(result);
      strictEqual(result.messages.length, 1);
    },
  },
  { name: "large_unary", run: async ({ test }) => largeUnary(await unary(test, "unaryCall", largeRequest)) },
  {
    name: "client_streaming",
    run: async ({ test }) => {
      const { call, result } = clientStream<{ aggregatedPayloadSize: number }>(test, "streamingInputCall");
      for (const size of requestSizes) call.write({ payload: zeros(size) });
      call.end();
      const ended = await result;
      succeeded(ended);
      deepStrictEqual(
        ended.messages.map((each) => each.aggregatedPayloadSize),
        [74_922],
      );
    },
  },
  {
    name: "server_streaming",
    run: async ({ test }) => {
      const responseParameters = responseSizes.map((size) => ({ size }));
      const result = await serverStream<WithPayload>(test, "streamingOutputCall", { responseParameters });
      succeeded(result);
      bodies(result, responseSizes);
    },
  },
  {
    name: "ping_pong",
    run: async ({ test }) => {
      const { call, result } = duplex<WithPayload>(test, "fullDuplexCall");
      let round = 0;
      const ping = (): void => {
        const [answer, sent] = [responseSizes[round], requestSizes[round]];
        round++;
        if (answer === undefined || sent === undefined) call.end();
        else call.write({ responseParameters: [{ size: answer }], payload: zeros(sent) });
      };
      call.on("data", ping);
      ping();
      const ended = await result;
      succeeded(ended);
      bodies(ended, responseSizes);
      strictEqual(round, 5);
    },
  },
  {
    name: "empty_stream",
    run: async ({ test }) => {
      const { call, result } = duplex(test, "fullDuplexCall");
      call.end();
      const ended = await result;
      succeeded(ended);
      strictEqual(ended.messages.length, 0);
    },
  },
  {
    name: "custom_metadata",
    run: async ({ test }) => {
      const metadata = new Metadata();
      metadata.set("x-grpc-test-echo-initial", "test_initial_metadata_value");
      metadata.set("x-grpc-test-echo-trailing-bin", Buffer.from([0xab, 0xab, 0xab]));
      const one = await unary<WithPayload>(test, "unaryCall", largeRequest, metadata);
      largeUnary(one);
      echoed(one);
      const { call, result } = duplex<WithPayload>(test, "fullDuplexCall", metadata);
      call.write({ responseParameters: [{ size: 314_159 }], payload: zeros(271_828) });
      call.end();
      const two = await result;
      succeeded(two);
      bodies(two, [314_159]);
      echoed(two);
    },
  },
  {
    name: "status_code_and_message",
    run: async ({ test }) => {
      const responseStatus = { code: 2, message: "test status message" };
      ended(await unary(test, "unaryCall", { responseStatus }), 2, "test status message");
      const { call, result } = duplex(test, "fullDuplexCall");
      call.write({ responseStatus });
      call.end();
      ended(await result, 2, "test status message");
    },
  },
  {
    name: "special_status_message",
    run: async ({ test }) => {
      ended(await unary(test, "unaryCall", { responseStatus: { code: 2, message: special } }), 2, special);
    },
  },
  {
    name: "unimplemented_method",
    run: async ({ test }) => {
      strictEqual((await unary(test, "unimplementedCall", {})).code, status.UNIMPLEMENTED);
    },
  },
  {
    name: "unimplemented_service",
    run: async ({ unknown }) => {
      strictEqual((await unary(unknown, "unimplementedCall", {})).code, status.UNIMPLEMENTED);
    },
  },
  {
    name: "cancel_after_begin",
    run: async ({ test }) => {
      const { call, result } = clientStream(test, "streamingInputCall");
      call.cancel();
      strictEqual((await result).code, status.CANCELLED);
    },
  },
  {
    name: "cancel_after_first_response",
    run: async ({ test }) => {
      const { call, result } = duplex<WithPayload>(test, "fullDuplexCall");
      call.once("data", () => call.cancel());
      call.write({ responseParameters: [{ size: 31_415 }], payload: zeros(27_182) });
      const ended = await result;
      strictEqual(ended.code, status.CANCELLED);
      bodies(ended, [31_415]);
    },
  },
  {
    name: "timeout_on_sleeping_server",
    run: async ({ test }) => {
      const { call, result } = duplex(test, "fullDuplexCall", new Metadata(), { deadline: Date.now() + 1 });
      // The time may be up before it is written.
      call.on("error", () => {});
      call.write({ payload: zeros(27_182) });
      strictEqual((await result).code, status.DEADLINE_EXCEEDED);
    },
  },
];

function succeeded({ code, details }: Result<unknown>): void {
  ended({ code, details }, status.OK, details);
}

function ended(result: Pick<Result<unknown>, "code" | "details">, code: number, details: string): void {
  deepStrictEqual({ code: result.code, details: result.details }, { code, details });
}

function bodies({ messages }: Result<WithPayload>, sizes: readonly number[]): void {
  deepStrictEqual(
    messages.map((each) => each.payload?.body.length),
    sizes,
  );
  for (const { payload } of messages)
    strictEqual(
      payload?.body.every((byte) => byte === 0),
      true,
    );
}

function largeUnary(result: Result<WithPayload>): void {
  succeeded(result);
  bodies(result, [314_159]);
}

function echoed({ initial, trailers }: Result<unknown>): void {
  deepStrictEqual(initial.get("x-grpc-test-echo-initial"), ["test_initial_metadata_value"]);
  deepStrictEqual(trailers.get("x-grpc-test-echo-trailing-bin"), [Buffer.from([0xab, 0xab, 0xab])]);
}
