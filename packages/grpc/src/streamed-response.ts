import type { ClientDuplexStream, Metadata, StatusObject } from "@grpc/grpc-js";
import { failed } from "@weftmesh/core";
import { GrpcResponse, type ResponseReader } from "./grpc-response.ts";
import { statusOfError } from "./status-of-error.ts";

/**
 * An answer whose messages are read one by one off a stream of grpc-js, which is asked for more only when a reader asks.
 *
 * Shape: the status may be known before the last messages were read; it waits for them.
 */
export class StreamedResponse extends GrpcResponse {
  readonly #stream: ClientDuplexStream<Buffer, Buffer>;
  #reader: ResponseReader | undefined;
  /** Messages that were asked for and have not come. */
  #wanted = 0;
  #last: StatusObject | undefined;
  #reason: Error | undefined;

  constructor(metadata: Metadata, stream: ClientDuplexStream<Buffer, Buffer>) {
    super(metadata, stream, undefined);
    this.#stream = stream;
  }

  receive(reader: ResponseReader): void {
    this.#reader = reader;
    this.deliver();
  }

  read(): void {
    this.#wanted++;
    this.deliver();
  }

  giveUp(reason: Error): void {
    if (this.status !== undefined || this.#reason !== undefined) return;
    this.#reason = reason;
    // Its own status follows, with which the answer ends, unless it is here and waited for messages to be read.
    this.#stream.cancel();
    this.deliver();
  }

  /** For the attempt: grpc-js has said how the call ended. */
  finished(ended: StatusObject): void {
    this.#last = ended;
    this.deliver();
  }

  /** For the attempt: there may be something to read. */
  deliver(): void {
    if (this.#reader === undefined && this.#reason === undefined) return;
    if (this.status !== undefined) return;
    while (this.#wanted > 0 && this.#reason === undefined) {
      const bytes: Buffer | null = this.#stream.read();
      if (bytes === null) break;
      this.#wanted--;
      this.#reader?.onMessage(bytes);
    }
    if (this.#last !== undefined && (this.#reason !== undefined || this.#stream.readableLength === 0)) {
      this.#end(this.#last);
    }
  }

  #end(last: StatusObject): void {
    if (this.status !== undefined) return;
    const reason = this.#reason;
    const ended = reason === undefined ? last : statusOfError(reason);
    if (reason === undefined) this.end(ended);
    else this.end(ended, failed(reason));
    this.#reader?.onStatus(ended);
  }
}
