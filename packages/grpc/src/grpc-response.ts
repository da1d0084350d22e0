import { type InterceptingCall, type Metadata, type StatusObject, status } from "@grpc/grpc-js";
import { type Ctx, failed, type Outcome, ok } from "@weftmesh/core";
import { GrpcStatusError } from "./errors.ts";

export type AuthContext = ReturnType<InterceptingCall["getAuthContext"]>;

/** Whom an answer comes from: a call of grpc-js. */
export interface Answerer {
  getPeer(): string;
  getAuthContext(): AuthContext;
}

/** Who reads an answer. One message comes for each `read`, the status when all messages have been read. */
export interface ResponseReader {
  onMessage(bytes: Buffer): void;
  onStatus(ended: StatusObject): void;
}

/**
 * The head of an answer, and the way to the rest of it.
 *
 * Shape: `status` is there from the beginning when the answer is whole (a call with one message each way) or has no
 * messages; of a stream it comes last. Ctxs given to `endWith` end with it, failed unless it is OK.
 */
export abstract class GrpcResponse {
  /** Initial metadata; undefined when the answer is nothing but a status. */
  readonly metadata: Metadata | undefined;
  /** Undefined when no server has made the answer. */
  readonly from: Answerer | undefined;
  #status: StatusObject | undefined;
  #ctxs: Ctx[] | undefined;

  constructor(metadata: Metadata | undefined, from: Answerer | undefined, ended: StatusObject | undefined) {
    this.metadata = metadata;
    this.from = from;
    this.#status = ended;
  }

  get status(): StatusObject | undefined {
    return this.#status;
  }

  /** Messages and status go to this reader. Once. */
  abstract receive(reader: ResponseReader): void;

  /** Asks for one more message. */
  abstract read(): void;

  /** The caller has lost interest: the peer is told, and the status is what `reason` says. */
  abstract giveUp(reason: Error): void;

  /** The ctx of an attempt, or of the call, ends when the answer has. */
  endWith(ctx: Ctx): void {
    if (this.#status !== undefined) ctx.end(outcomeOf(this.#status));
    else if (this.#ctxs === undefined) this.#ctxs = [ctx];
    else this.#ctxs.push(ctx);
  }

  /** For whoever makes the answer: this is how it ended. Only the first word counts. */
  protected end(ended: StatusObject, outcome: Outcome = outcomeOf(ended)): void {
    if (this.#status !== undefined) return;
    this.#status = ended;
    const ctxs = this.#ctxs;
    this.#ctxs = undefined;
    if (ctxs !== undefined) for (const ctx of ctxs) ctx.end(outcome);
  }
}

export function outcomeOf(ended: StatusObject): Outcome {
  return ended.code === status.OK ? ok : failed(new GrpcStatusError(ended));
}

/** An answer all of which is there: at most one message, and the status. */
export class WholeResponse extends GrpcResponse {
  readonly message: Buffer | undefined;
  #reader: ResponseReader | undefined;
  #done = false;

  constructor(
    metadata: Metadata | undefined,
    from: Answerer | undefined,
    message: Buffer | undefined,
    ended: StatusObject,
  ) {
    super(metadata, from, ended);
    this.message = message;
  }

  receive(reader: ResponseReader): void {
    this.#reader = reader;
    if (this.message === undefined) this.#finish();
  }

  read(): void {
    const reader = this.#reader;
    if (this.#done || reader === undefined || this.message === undefined) return;
    this.#done = true;
    reader.onMessage(this.message);
    if (this.status !== undefined) reader.onStatus(this.status);
  }

  giveUp(): void {}

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    if (this.status !== undefined) this.#reader?.onStatus(this.status);
  }
}

/** An answer that is a status and nothing else, as whoever answers in a server's place has it. */
export function statusResponse(ended: StatusObject): WholeResponse {
  return new WholeResponse(undefined, undefined, undefined, ended);
}
