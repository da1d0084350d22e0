import {
  type CallOptions,
  type ClientDuplexStream,
  type ClientWritableStream,
  Metadata,
  type ServiceError,
  type StatusObject,
} from "@grpc/grpc-js";
import type { TestClient } from "./messages.ts";

export type Stub = InstanceType<typeof TestClient>;

/** How a call ended, with all that it brought. */
export interface Result<T> {
  readonly code: number;
  readonly details: string;
  readonly messages: readonly T[];
  readonly initial: Metadata;
  readonly trailers: Metadata;
}

interface Emitter {
  on(event: "metadata", listener: (metadata: Metadata) => void): unknown;
  on(event: "status", listener: (status: StatusObject) => void): unknown;
}

/** What a call emits, gathered until its status. */
export function gather<T>(call: Emitter, messages: readonly T[]): Promise<Result<T>> {
  let initial = new Metadata();
  call.on("metadata", (each) => {
    initial = each;
  });
  return new Promise((resolve) => {
    call.on("status", ({ code, details, metadata }) =>
      resolve({ code, details, messages, initial, trailers: metadata }),
    );
  });
}

function methodOf(stub: Stub, name: string): (...args: unknown[]) => unknown {
  const method = stub[name] as ((...args: unknown[]) => unknown) | undefined;
  if (method === undefined) throw new TypeError(`no method ${name}`);
  return method.bind(stub);
}

export function unary<T>(stub: Stub, name: string, request: object, metadata = new Metadata()): Promise<Result<T>> {
  const messages: T[] = [];
  const call = methodOf(stub, name)(request, metadata, (_error: ServiceError | null, message?: T) => {
    if (message !== undefined) messages.push(message);
  });
  return gather<T>(call as Emitter, messages);
}

export interface Sending<T> {
  readonly call: ClientWritableStream<object>;
  readonly result: Promise<Result<T>>;
}

export function clientStream<T>(stub: Stub, name: string): Sending<T> {
  const messages: T[] = [];
  const call = methodOf(
    stub,
    name,
  )((_error: ServiceError | null, message?: T) => {
    if (message !== undefined) messages.push(message);
  }) as ClientWritableStream<object>;
  return { call, result: gather<T>(call as unknown as Emitter, messages) };
}

export function serverStream<T>(stub: Stub, name: string, request: object): Promise<Result<T>> {
  const call = methodOf(stub, name)(request) as ClientDuplexStream<object, T>;
  return gather<T>(call as unknown as Emitter, read(call));
}

export interface Duplex<T> {
  readonly call: ClientDuplexStream<object, T>;
  readonly result: Promise<Result<T>>;
}

export function duplex<T>(stub: Stub, name: string, metadata = new Metadata(), options: CallOptions = {}): Duplex<T> {
  const call = methodOf(stub, name)(metadata, options) as ClientDuplexStream<object, T>;
  return { call, result: gather<T>(call as unknown as Emitter, read(call)) };
}

function read<T>(call: ClientDuplexStream<object, T>): readonly T[] {
  const messages: T[] = [];
  call.on("data", (each: T) => messages.push(each));
  // The status says the same.
  call.on("error", () => {});
  return messages;
}
