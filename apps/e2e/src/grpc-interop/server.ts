import { setTimeout as sleep } from "node:timers/promises";
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from "@grpc/grpc-js";
import type { AnyMessage } from "@weftmesh/grpc";
import type { Pair } from "../tls.ts";
import {
  type EchoStatus,
  type SimpleRequest,
  type StreamingRequest,
  testService,
  type WithPayload,
  zeros,
} from "./messages.ts";

const echoInitial = "x-grpc-test-echo-initial";
const echoTrailing = "x-grpc-test-echo-trailing-bin";

interface WithMetadata {
  readonly metadata: Metadata;
  sendMetadata(metadata: Metadata): void;
  getDeadline(): Date | number;
}

/** The server of gRPC's interop tests. */
export class InteropServer {
  readonly #server = new Server();
  /** Calls that their callers gave up. */
  cancelled = 0;
  calls = 0;
  /** What the last call had left of its time when it came; `Infinity` without a deadline. */
  lastDeadlineMs = 0;
  port = 0;

  /** Over TLS with this certificate, if one is given. */
  static async start(pair?: Pair): Promise<InteropServer> {
    const made = new InteropServer();
    const creds =
      pair === undefined
        ? ServerCredentials.createInsecure()
        : ServerCredentials.createSsl(null, [
            { cert_chain: Buffer.from(pair.cert), private_key: Buffer.from(pair.key) },
          ]);
    made.port = await new Promise<number>((resolve, reject) => {
      made.#server.bindAsync("127.0.0.1:0", creds, (error, port) => (error === null ? resolve(port) : reject(error)));
    });
    return made;
  }

  private constructor() {
    this.#server.addService(testService, {
      emptyCall: (call: ServerUnaryCall<AnyMessage, AnyMessage>, reply: sendUnaryData<AnyMessage>) => {
        this.#began(call);
        reply(null, {}, trailersOf(call));
      },
      unaryCall: (call: ServerUnaryCall<AnyMessage, AnyMessage>, reply: sendUnaryData<AnyMessage>) => {
        this.#began(call);
        const { responseSize, responseStatus } = call.request as unknown as SimpleRequest;
        if (responseStatus !== undefined) reply(errorOf(responseStatus, trailersOf(call)));
        else reply(null, { payload: zeros(responseSize) }, trailersOf(call));
      },
      streamingInputCall: (call: ServerReadableStream<AnyMessage, AnyMessage>, reply: sendUnaryData<AnyMessage>) => {
        this.#began(call);
        let size = 0;
        call.on("data", (each: WithPayload) => {
          size += each.payload?.body.length ?? 0;
        });
        call.on("end", () => reply(null, { aggregatedPayloadSize: size }, trailersOf(call)));
      },
      streamingOutputCall: (call: ServerWritableStream<AnyMessage, AnyMessage>) => {
        this.#began(call);
        void answer(call, call.request as unknown as StreamingRequest).then((more) => {
          if (more) call.end(trailersOf(call));
        });
      },
      fullDuplexCall: (call: ServerDuplexStream<AnyMessage, AnyMessage>) => {
        this.#began(call);
        // One after the other, since an answer may wait.
        let last = Promise.resolve(true);
        call.on("data", (each: StreamingRequest) => {
          last = last.then((more) => more && answer(call, each));
        });
        call.on("end", () => {
          void last.then((more) => {
            if (more) call.end(trailersOf(call));
          });
        });
      },
    });
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  #began(call: WithMetadata & { on(event: "cancelled", listener: () => void): unknown }): void {
    this.calls++;
    this.lastDeadlineMs = Number(call.getDeadline()) - Date.now();
    call.on("cancelled", () => this.cancelled++);
    const value = call.metadata.get(echoInitial)[0];
    if (value === undefined) return;
    const initial = new Metadata();
    initial.set(echoInitial, value);
    call.sendMetadata(initial);
  }
}

/** One message for each that is asked for. False when the stream has ended with a status instead. */
async function answer(
  call: ServerWritableStream<AnyMessage, AnyMessage> | ServerDuplexStream<AnyMessage, AnyMessage>,
  { responseParameters, responseStatus }: StreamingRequest,
): Promise<boolean> {
  if (responseStatus !== undefined) {
    call.emit("error", errorOf(responseStatus, trailersOf(call)));
    return false;
  }
  for (const { size, intervalUs } of responseParameters) {
    if (intervalUs > 0) await sleep(intervalUs / 1000);
    call.write({ payload: zeros(size) });
  }
  return true;
}

function errorOf({ code, message }: EchoStatus, metadata: Metadata): object {
  return { code, details: message, metadata };
}

function trailersOf({ metadata }: { readonly metadata: Metadata }): Metadata {
  const trailers = new Metadata();
  const value = metadata.get(echoTrailing)[0];
  if (value !== undefined) trailers.set(echoTrailing, value);
  return trailers;
}
