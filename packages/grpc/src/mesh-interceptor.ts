import type { EventEmitter } from "node:events";
import {
  InterceptingCall,
  type Interceptor,
  Metadata,
  type NextCall,
  propagate,
  type StatusObject,
  status,
} from "@grpc/grpc-js";
import { asError, CancelledError, type Clock, Ctx, failed, type Service } from "@weftmesh/core";
import { DeadlineCoversBodyKey } from "@weftmesh/timeout";
import { CallDeadlineKey, fromGrpcDeadline } from "./call-deadline.ts";
import { GrpcCancelledError } from "./errors.ts";
import { GrpcRequest } from "./grpc-request.ts";
import type { AuthContext, GrpcResponse, ResponseReader } from "./grpc-response.ts";
import { RequestMessages } from "./request-messages.ts";
import { statusOfError } from "./status-of-error.ts";

type BottomCall = ReturnType<NextCall>;
type Listener = NonNullable<Parameters<BottomCall["start"]>[1]>;
type MessageContext = Parameters<BottomCall["sendMessageWithContext"]>[0];
type Options = Parameters<Interceptor>[0];

export interface MeshInterceptorOptions {
  readonly service: Service<GrpcRequest, GrpcResponse>;
  readonly clock: Clock;
  /** Bytes of a stream's messages that are kept to be sent again: 65,536 if not given. */
  readonly maxReplayBytes?: number;
}

/**
 * Takes the calls of a client of grpc-js to a service: set it as the last of the client's interceptors.
 *
 * Shape: it is the public way into grpc-js and out of it again: messages leave as bytes, the client's own channel is
 * never used. A call with one message begins when that is there, one with a stream of them at once. Deadline,
 * cancellation, metadata, credentials and host of the call are kept, and those of a parent call.
 * Errors: RangeError for `maxReplayBytes` below 0.
 */
export function meshInterceptor({ service, clock, maxReplayBytes = 65_536 }: MeshInterceptorOptions): Interceptor {
  if (!(maxReplayBytes >= 0)) throw new RangeError(`maxReplayBytes must be from 0, not ${maxReplayBytes}`);
  return (options) => new InterceptingCall(new MeshCall(service, clock, options, maxReplayBytes));
}

/** One call: what grpc-js says and hears of it. */
class MeshCall implements BottomCall, ResponseReader {
  readonly #service: Service<GrpcRequest, GrpcResponse>;
  readonly #options: Options;
  readonly #ctx = new Ctx();
  readonly #messages: RequestMessages;
  #listener: Listener = {};
  #metadata: Metadata = new Metadata();
  #rep: GrpcResponse | undefined;
  /** Messages that were asked for before there was an answer. */
  #wanted = 0;
  #began = false;
  #heardMessage = false;
  #over = false;
  #leave: (() => void) | undefined;

  constructor(service: Service<GrpcRequest, GrpcResponse>, clock: Clock, options: Options, maxReplayBytes: number) {
    this.#service = service;
    this.#options = options;
    this.#messages = new RequestMessages(maxReplayBytes);
    const flags = options.propagate_flags ?? propagate.DEFAULTS;
    const { parent } = options;
    let deadlineMs = fromGrpcDeadline(options.deadline, clock);
    if (parent !== undefined && (flags & propagate.DEADLINE) !== 0) {
      deadlineMs = Math.min(deadlineMs, fromGrpcDeadline(parent.getDeadline(), clock));
    }
    const ctx = this.#ctx;
    ctx.deadline = deadlineMs;
    ctx.set(CallDeadlineKey, deadlineMs);
    ctx.set(DeadlineCoversBodyKey, true);
    if (parent !== undefined && (flags & propagate.CANCELLATION) !== 0) {
      const cancel = (): void => this.#cancel(new CancelledError("the call for which this one was made was cancelled"));
      if (parent.cancelled) cancel();
      else {
        const emitter: EventEmitter = parent;
        emitter.on("cancelled", cancel);
        this.#leave = () => emitter.off("cancelled", cancel);
      }
    }
  }

  start(metadata: Metadata, listener?: Listener): void {
    this.#metadata = metadata;
    if (listener !== undefined) this.#listener = listener;
    const { method_definition: method } = this.#options;
    // What grpc-js does for methods with one message back.
    if (!method.responseStream) this.#wanted++;
    if (method.requestStream || this.#ctx.cancelled !== undefined) this.#begin();
  }

  sendMessage(message: unknown): void {
    this.sendMessageWithContext({}, message);
  }

  sendMessageWithContext(context: MessageContext, message: unknown): void {
    let bytes: Buffer;
    try {
      bytes = this.#options.method_definition.requestSerialize(message);
    } catch (thrown) {
      this.cancelWithStatus(
        status.INTERNAL,
        `a message of the request cannot be serialized: ${asError(thrown).message}`,
      );
      return;
    }
    if (this.#over) context.callback?.();
    else this.#messages.push(bytes, () => context.callback?.());
  }

  halfClose(): void {
    this.#messages.end();
    this.#begin();
  }

  startRead(): void {
    if (this.#rep === undefined) this.#wanted++;
    else this.#rep.read();
  }

  cancelWithStatus(code: number, details: string): void {
    this.#cancel(new GrpcCancelledError(code, details));
  }

  getPeer(): string {
    return this.#rep?.from?.getPeer() ?? "unknown";
  }

  getAuthContext(): AuthContext {
    return this.#rep?.from?.getAuthContext() ?? null;
  }

  onMessage(bytes: Buffer): void {
    let message: unknown;
    try {
      message = this.#options.method_definition.responseDeserialize(bytes);
    } catch (thrown) {
      this.cancelWithStatus(status.INTERNAL, `a message of the answer cannot be read: ${asError(thrown).message}`);
      return;
    }
    this.#heardMessage = true;
    this.#listener.onReceiveMessage?.(message);
  }

  onStatus(ended: StatusObject): void {
    if (this.#over) return;
    this.#over = true;
    this.#leave?.();
    this.#messages.close();
    if (!this.#heardMessage && !this.#options.method_definition.responseStream) this.#listener.onReceiveMessage?.(null);
    const reason = this.#ctx.cancelled;
    this.#listener.onReceiveStatus?.(reason === undefined ? ended : statusOfError(reason));
  }

  #cancel(reason: Error): void {
    if (this.#over) return;
    this.#ctx.cancel(reason);
    // Nobody was called whose rejection would tell the caller.
    if (!this.#began) this.#begin();
  }

  #begin(): void {
    if (this.#began) return;
    this.#began = true;
    const ctx = this.#ctx;
    const { path, requestStream, responseStream } = this.#options.method_definition;
    const { host, credentials } = this.#options;
    const req = new GrpcRequest({
      path,
      requestStream,
      responseStream,
      metadata: this.#metadata,
      messages: this.#messages,
      host,
      credentials,
    });
    const called = ctx.cancelled === undefined ? this.#call(req) : Promise.reject(ctx.cancelled);
    called.then(
      (rep) => this.#answered(rep),
      (thrown: unknown) => this.#failed(asError(thrown)),
    );
  }

  #call(req: GrpcRequest): Promise<GrpcResponse> {
    try {
      return this.#service.call(req, this.#ctx);
    } catch (thrown) {
      return Promise.reject(asError(thrown));
    }
  }

  #answered(rep: GrpcResponse): void {
    const ctx = this.#ctx;
    ctx.respond(rep);
    rep.endWith(ctx);
    this.#rep = rep;
    if (rep.metadata !== undefined) this.#listener.onReceiveMetadata?.(rep.metadata);
    rep.receive(this);
    for (; this.#wanted > 0; this.#wanted--) rep.read();
  }

  #failed(error: Error): void {
    const ctx = this.#ctx;
    ctx.end(failed(ctx.cancelled ?? error));
    this.onStatus(statusOfError(ctx.cancelled ?? error));
  }
}
