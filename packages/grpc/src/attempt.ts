import type { CallOptions, Client, Metadata, StatusObject } from "@grpc/grpc-js";
import type { Clock, Ctx } from "@weftmesh/core";
import { attemptDeadline, toGrpcDeadline } from "./call-deadline.ts";
import type { GrpcRequest } from "./grpc-request.ts";
import { type GrpcResponse, WholeResponse } from "./grpc-response.ts";
import type { MessageSink } from "./request-messages.ts";
import { StreamedResponse } from "./streamed-response.ts";

const same = (bytes: Buffer): Buffer => bytes;
const noBytes = Buffer.alloc(0);

/** What goes out with each attempt. */
function outgoing(req: GrpcRequest, ctx: Ctx, clock: Clock): { metadata: Metadata; options: CallOptions } {
  const metadata = req.metadata.clone();
  if (req.previousAttempts > 0) metadata.set("grpc-previous-rpc-attempts", String(req.previousAttempts));
  const options: CallOptions = {};
  const deadline = toGrpcDeadline(attemptDeadline(ctx, req.isUnary), clock);
  if (deadline !== undefined) options.deadline = deadline;
  if (req.host !== undefined) options.host = req.host;
  if (req.credentials !== undefined) options.credentials = req.credentials;
  return { metadata, options };
}

/** One message there and one back. Resolves when the whole answer is there, whatever its status. */
export function unaryAttempt(client: Client, req: GrpcRequest, ctx: Ctx, clock: Clock): Promise<GrpcResponse> {
  return new Promise((resolve, reject) => {
    const { metadata, options } = outgoing(req, ctx, clock);
    let initial: Metadata | undefined;
    let answer: Buffer | undefined;
    let failure: StatusObject | undefined;
    const sent = req.messages.first ?? noBytes;
    const call = client.makeUnaryRequest(req.path, same, same, sent, metadata, options, (error, value) => {
      answer = value;
      // An OK without a message is a failure that only the error tells of.
      if (error !== null) failure = { code: error.code, details: error.details, metadata: error.metadata };
    });
    call.on("metadata", (received: Metadata) => {
      initial = received;
    });
    call.on("status", (ended: StatusObject) => {
      const { cancelled } = ctx;
      if (cancelled !== undefined) reject(cancelled);
      else resolve(new WholeResponse(initial, call, answer, failure ?? ended));
    });
    ctx.onCancel((reason) => {
      call.cancel();
      reject(reason);
    });
  });
}

/** Any number of messages, one way or both. Resolves with the head of the answer. */
export function streamAttempt(client: Client, req: GrpcRequest, ctx: Ctx, clock: Clock): Promise<GrpcResponse> {
  return new Promise((resolve, reject) => {
    const { metadata, options } = outgoing(req, ctx, clock);
    const stream = client.makeBidiStreamRequest<Buffer, Buffer>(req.path, same, same, metadata, options);
    let response: StreamedResponse | undefined;
    const sink: MessageSink = {
      message: (bytes, taken) => {
        stream.write(bytes, (error?: Error | null) => {
          if (error === null || error === undefined) taken();
        });
      },
      end: () => stream.end(),
    };
    stream.on("metadata", (received: Metadata) => {
      response = new StreamedResponse(received, stream);
      resolve(response);
    });
    stream.on("readable", () => response?.deliver());
    // The status says the same, and comes behind it.
    stream.on("error", () => {});
    stream.on("status", (ended: StatusObject) => {
      req.messages.detach(sink);
      if (response !== undefined) response.finished(ended);
      else if (ctx.cancelled !== undefined) reject(ctx.cancelled);
      else resolve(new WholeResponse(undefined, stream, undefined, ended));
    });
    ctx.onCancel((reason) => {
      req.messages.detach(sink);
      if (response !== undefined) response.giveUp(reason);
      else {
        stream.cancel();
        reject(reason);
      }
    });
    if (ctx.cancelled === undefined) req.messages.attach(sink);
    else reject(ctx.cancelled);
  });
}
