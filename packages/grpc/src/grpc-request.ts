import type { CallCredentials, Metadata } from "@grpc/grpc-js";
import type { RequestMessages } from "./request-messages.ts";

export interface GrpcRequestOptions {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly metadata: Metadata;
  readonly messages: RequestMessages;
  /** Whether there may be any number of messages; else there is one. */
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  /** `:authority` of this call. */
  readonly host?: string | undefined;
  readonly credentials?: CallCredentials | undefined;
}

/** A call as modules see it: messages are bytes. Each attempt sends a copy of the metadata. */
export class GrpcRequest {
  readonly path: string;
  readonly metadata: Metadata;
  readonly messages: RequestMessages;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly host: string | undefined;
  readonly credentials: CallCredentials | undefined;
  /** Attempts before the present one: told to the server as `grpc-previous-rpc-attempts`. */
  previousAttempts = 0;

  constructor(options: GrpcRequestOptions) {
    this.path = options.path;
    this.metadata = options.metadata;
    this.messages = options.messages;
    this.requestStream = options.requestStream;
    this.responseStream = options.responseStream;
    this.host = options.host;
    this.credentials = options.credentials;
  }

  /** One message there and one back: the answer is there when all of it is. */
  get isUnary(): boolean {
    return !this.requestStream && !this.responseStream;
  }
}
