import {
  type Client,
  credentials,
  Metadata,
  makeClientConstructor,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  type sendUnaryData,
  type status,
} from "@grpc/grpc-js";
import type { Address } from "@weftmesh/naming";
import { address } from "@weftmesh/naming";
import { type AnyMessage, type GrpcClient, protoFile, serviceDefinition } from "../../src/index.ts";

const file = protoFile({
  name: "weftmesh/test/echo.proto",
  package: "weftmesh.test",
  messages: { Said: { text: { no: 1, type: "string" }, count: { no: 2, type: "int32" } } },
  services: {
    Echo: {
      Say: { request: "Said", response: "Said" },
      Join: { request: "Said", response: "Said", clientStream: true },
      Repeat: { request: "Said", response: "Said", serverStream: true },
      Chat: { request: "Said", response: "Said", clientStream: true, serverStream: true },
    },
  },
});
const [service] = file.services;
if (service === undefined) throw new TypeError("the file has no service");
export const echoService = service;
export const echoDefinition = serviceDefinition(service);
export const EchoClient = makeClientConstructor(echoDefinition, "Echo");

export interface Said {
  readonly text: string;
  readonly count: number;
}

type Unary = ServerUnaryCall<AnyMessage, AnyMessage>;
type Reply = sendUnaryData<AnyMessage>;

export interface EchoHandlers {
  say(call: Unary, reply: Reply): void;
  join(call: ServerReadableStream<AnyMessage, AnyMessage>, reply: Reply): void;
  repeat(call: ServerWritableStream<AnyMessage, AnyMessage>): void;
  chat(call: ServerDuplexStream<AnyMessage, AnyMessage>): void;
}

export function said(message: AnyMessage): Said {
  return message as unknown as Said;
}

const echoing: EchoHandlers = {
  say: (call, reply) => reply(null, { text: said(call.request).text }),
  join: (call, reply) => {
    const texts: string[] = [];
    call.on("data", (each: AnyMessage) => texts.push(said(each).text));
    call.on("end", () => reply(null, { text: texts.join(" "), count: texts.length }));
  },
  repeat: (call) => {
    const { text, count } = said(call.request);
    for (let i = 0; i < count; i++) call.write({ text, count: i });
    call.end();
  },
  chat: (call) => {
    call.on("data", (each: AnyMessage) => call.write({ text: said(each).text }));
    call.on("end", () => call.end());
  },
};

export class EchoServer {
  readonly server = new Server();
  port = 0;
  calls = 0;

  static async start(handlers: Partial<EchoHandlers> = {}, port = 0): Promise<EchoServer> {
    const echo = new EchoServer();
    const all = { ...echoing, ...handlers };
    const count =
      <A extends unknown[]>(fn: (...args: A) => void) =>
      (...args: A): void => {
        echo.calls++;
        fn(...args);
      };
    echo.server.addService(echoDefinition, {
      say: count(all.say),
      join: count(all.join),
      repeat: count(all.repeat),
      chat: count(all.chat),
    });
    echo.port = await new Promise<number>((resolve, reject) => {
      echo.server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
    return echo;
  }

  get address(): Address {
    return address("127.0.0.1", this.port);
  }

  stop(): void {
    this.server.forceShutdown();
  }
}

/** A client of grpc-js whose calls go by the mesh client. Its own target is nowhere. */
export function echoOver(mesh: GrpcClient): InstanceType<typeof EchoClient> {
  return new EchoClient("127.0.0.1:1", credentials.createInsecure(), { interceptors: [mesh.interceptor] });
}

export interface Ended {
  readonly error: ServiceError | undefined;
  readonly message: Said | undefined;
  readonly initial: Metadata | undefined;
  readonly trailers: Metadata | undefined;
}

export interface SayOptions {
  readonly metadata?: Metadata;
  readonly deadline?: number | Date;
}

/** One unary call, to its end. */
export function say(client: Client, text: string, options: SayOptions = {}): Promise<Ended> {
  const { metadata = new Metadata(), ...rest } = options;
  const definition = echoDefinition["say"];
  if (definition === undefined) throw new TypeError("no such method");
  return new Promise((resolve) => {
    let ended: { error: ServiceError | undefined; message: Said | undefined };
    let initial: Metadata | undefined;
    const { path, requestSerialize, responseDeserialize } = definition;
    const call = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      { text },
      metadata,
      rest,
      (error: ServiceError | null, message?: AnyMessage) => {
        ended = { error: error ?? undefined, message: message === undefined ? undefined : said(message) };
      },
    );
    call.on("metadata", (each: Metadata) => {
      initial = each;
    });
    call.on("status", (each: { metadata: Metadata }) => resolve({ ...ended, initial, trailers: each.metadata }));
  });
}

export function statusError(code: status, details: string, metadata?: Metadata): Partial<ServiceError> {
  return { code, details, ...(metadata === undefined ? {} : { metadata }) };
}
