import { service } from "@weftmesh/core";
import { type Body, type BodySink, type Flow, Full, Headers, HttpResponse, Taken } from "@weftmesh/http";
import { ManualClock, settle } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ErrorCode, Flag, FrameType } from "../src/frame-types.ts";
import { data, type Frame, reset, settings, windowUpdate } from "./frames.ts";
import { MemoryServer } from "./memory-server.ts";

const initialWindowSize = 4;
const runs = Number(process.env["WEFT_RUNS"] ?? 300);

/** Byte `i` of the content of a stream. */
function byteAt(id: number, i: number): number {
  return (i * 7 + id * 13 + (i >>> 8)) & 0xff;
}

function contentOf(id: number, start: number, end: number): Buffer {
  const bytes = Buffer.alloc(end - start);
  for (let i = start; i < end; i++) bytes[i - start] = byteAt(id, i);
  return bytes;
}

/** A source that gives a chunk whenever it is let, and waits when it is told so, unless it is hasty. */
class Source implements Body, Flow {
  readonly length: number | undefined;
  readonly id: number;
  readonly total: number;
  private readonly reply: Reply;
  given = 0;
  stopped = false;
  private sink: BodySink | undefined;
  private isFull = false;
  private pumping = false;

  constructor(id: number, reply: Reply) {
    this.id = id;
    this.total = reply.total;
    this.reply = reply;
    this.length = reply.known ? reply.total : undefined;
  }

  pipe(sink: BodySink): Flow {
    this.sink = sink;
    this.pump();
    return this;
  }

  resume(): void {
    this.isFull = false;
    this.pump();
  }

  stop(): void {
    this.stopped = true;
    this.sink = undefined;
  }

  private pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    while (this.sink !== undefined && (!this.isFull || this.reply.hasty)) {
      if (this.given === this.total) {
        const { sink } = this;
        this.sink = undefined;
        sink.onEnd(this.reply.trailers ? Headers.of("x-end", "1") : undefined);
        break;
      }
      const end = Math.min(this.total, this.given + this.reply.chunk);
      const bytes = contentOf(this.id, this.given, end);
      this.given = end;
      this.isFull = (this.sink.onData(bytes) & Full) !== 0;
      // The memory is the source's again.
      bytes.fill(0x21);
    }
    this.pumping = false;
  }
}

interface Reply {
  readonly total: number;
  readonly chunk: number;
  readonly known: boolean;
  readonly trailers: boolean;
  /** The source waits for nobody. */
  readonly hasty: boolean;
}

type Step =
  | { readonly kind: "open" }
  | { readonly kind: "connection" | "settings"; readonly by: number }
  | { readonly kind: "stream"; readonly which: number; readonly by: number }
  | { readonly kind: "reset"; readonly which: number }
  | { readonly kind: "stuck" | "free" | "turn" };

const arbWindow = fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 70_000 }));
const arbStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ kind: "open" as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("stream" as const), which: fc.nat(5), by: arbWindow }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("connection" as const), by: arbWindow }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("settings" as const), by: fc.oneof(fc.constant(0), arbWindow) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reset" as const), which: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("stuck" as const, "free" as const, "turn" as const) }) },
);
const arbReply: fc.Arbitrary<Reply> = fc.record({
  total: fc.oneof(fc.nat(20), fc.nat(150_000)),
  chunk: fc.oneof(
    fc.integer({ min: 1_000, max: 70_000 }),
    fc.integer({ min: 7, max: 50 }).map((n) => n * 97),
  ),
  known: fc.boolean(),
  trailers: fc.boolean(),
  hasty: fc.boolean(),
});

/** A client that counts what it lets the server send, to the byte. */
class CountingClient {
  connection = 65_535;
  initial: number;
  readonly windows = new Map<number, number>();
  readonly heard = new Map<number, number>();
  readonly ended = new Set<number>();
  readonly reset = new Set<number>();
  readonly server: MemoryServer;

  constructor(server: MemoryServer, initial: number) {
    this.server = server;
    this.initial = initial;
    server.peer.onFrame = (frame) => this.onFrame(frame);
  }

  private onFrame({ type, flags, id, payload }: Frame): void {
    if (type === FrameType.Goaway) throw new Error(`it went away: ${payload.toString("latin1", 8)}`);
    if (type === FrameType.RstStream) throw new Error(`it reset ${id} with ${payload.readUInt32BE(0)}`);
    if (type !== FrameType.Data && type !== FrameType.Headers) return;
    if (this.reset.has(id)) {
      // It was on its way.
      if (type === FrameType.Data) this.connection -= payload.length;
      return;
    }
    if (this.ended.has(id)) throw new Error(`stream ${id} goes on behind its end`);
    if (type === FrameType.Data) {
      const at = this.heard.get(id) ?? 0;
      if (!payload.equals(contentOf(id, at, at + payload.length))) throw new Error(`wrong bytes on ${id} at ${at}`);
      this.heard.set(id, at + payload.length);
      this.connection -= payload.length;
      this.windows.set(id, (this.windows.get(id) ?? 0) - payload.length);
      if (payload.length > 0 && (this.connection < 0 || (this.windows.get(id) as number) < 0)) {
        throw new Error(`over-sent: connection ${this.connection}, stream ${id} ${this.windows.get(id)}`);
      }
    }
    if ((flags & Flag.EndStream) !== 0) this.ended.add(id);
  }
}

describe("flow control of what is sent", () => {
  it("never over-sends and never comes to a stop, whatever windows, pauses, resets and settings do", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbReply, { minLength: 6, maxLength: 6 }),
        fc.array(arbStep, { maxLength: 40 }),
        fc.oneof(fc.constant(65_535), arbWindow),
        async (replies, steps, initial) => {
          const sources: Source[] = [];
          const server = new MemoryServer(
            service((req) => {
              const id = Number(req.path.slice(1));
              const source = new Source(id, replies[(id - 1) / 2] as Reply);
              sources.push(source);
              return Promise.resolve(new HttpResponse(200, new Headers(), source));
            }),
            new ManualClock(),
          );
          const client = new CountingClient(server, initial);
          server.begin([initialWindowSize, initial]);
          let next = 1;
          const open = async (): Promise<void> => {
            if (next > 11) return;
            client.windows.set(next, client.initial);
            server.send(server.peer.request(next, "GET", `/${next}`));
            next += 2;
            await settle();
            server.wire.flush();
          };
          for (const step of steps) {
            if (step.kind === "open") await open();
            else if (step.kind === "connection") {
              client.connection += step.by;
              server.send(windowUpdate(0, step.by));
            } else if (step.kind === "stream") {
              const id = 2 * step.which + 1;
              if (id >= next || client.reset.has(id)) continue;
              client.windows.set(id, (client.windows.get(id) as number) + step.by);
              server.send(windowUpdate(id, step.by));
            } else if (step.kind === "settings") {
              // With bytes on their way, a smaller window may well be overrun.
              if (server.wire.stuck) continue;
              // What was gathered before was sent within the windows of before.
              server.wire.flush();
              for (const [id, window] of client.windows) client.windows.set(id, window + step.by - client.initial);
              client.initial = step.by;
              server.send(settings([initialWindowSize, step.by]));
            } else if (step.kind === "reset") {
              const id = 2 * step.which + 1;
              if (id >= next || client.ended.has(id) || client.reset.has(id)) continue;
              client.reset.add(id);
              server.send(reset(id, ErrorCode.Cancel));
            } else if (step.kind === "turn") server.wire.flush();
            else {
              server.wire.stuck = step.kind === "stuck";
              server.wire.flush();
            }
          }
          // Now everything is let through.
          server.wire.stuck = false;
          server.wire.flush();
          while (next <= 11) await open();
          // To the byte: a window that was lost on the way shows as a stream that stands.
          const leftOf = ({ id, total }: Source): number =>
            client.reset.has(id) ? 0 : total - (client.heard.get(id) ?? 0);
          for (const source of sources) {
            const { id } = source;
            const more = leftOf(source) - (client.windows.get(id) as number);
            if (more <= 0 || client.reset.has(id)) continue;
            client.windows.set(id, (client.windows.get(id) as number) + more);
            server.send(windowUpdate(id, more));
          }
          const more = sources.reduce((sum, source) => sum + leftOf(source), 0) - client.connection;
          if (more > 0) {
            client.connection += more;
            server.send(windowUpdate(0, more));
          }
          for (let turn = 0; turn < 50; turn++) server.wire.flush();
          for (const source of sources) {
            const { id, total } = source;
            if (client.reset.has(id)) expect(source.stopped || source.given === total).toBe(true);
            else expect([id, client.heard.get(id) ?? 0, client.ended.has(id)]).toEqual([id, total, true]);
          }
          expect(server.session.streams.size).toBe(0);
        },
      ),
      { numRuns: runs },
    );
  }, 120_000);
});

/** A consumer that is told what to do. */
class Consumer implements BodySink {
  taken = 0;
  ended = false;
  error: Error | undefined;
  isFull = false;
  flow: Flow | undefined;

  readonly id: number;

  constructor(id: number) {
    this.id = id;
  }

  onData(chunk: Uint8Array): number {
    if (!Buffer.from(chunk).equals(contentOf(this.id, this.taken, this.taken + chunk.length))) {
      throw new Error(`wrong bytes on ${this.id} at ${this.taken}`);
    }
    this.taken += chunk.length;
    return this.isFull ? Full : Taken;
  }

  onEnd(): void {
    this.ended = true;
  }

  onError(error: Error): void {
    this.error = error;
  }
}

type Act =
  | { readonly kind: "send"; readonly which: number; readonly bytes: number; readonly pad: number | undefined }
  | { readonly kind: "full" | "resume" | "pipe" | "stop"; readonly which: number };

const arbAct: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("send" as const),
      which: fc.nat(4),
      bytes: fc.oneof(fc.nat(16_384), fc.nat(200)),
      pad: fc.option(fc.nat(255), { nil: undefined }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom("full" as const, "resume" as const, "pipe" as const, "resume" as const, "stop" as const),
      which: fc.nat(4),
    }),
  },
);

describe("flow control of what is received", () => {
  it("holds no more than the windows, gives back all that was taken, and never comes to a stop", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbAct, { maxLength: 60 }),
        fc.array(fc.integer({ min: 1, max: 5_000 }), { maxLength: 10 }),
        fc.record({
          initialStreamWindowBytes: fc.constantFrom(20_000, 65_535, 100_000),
          windowUpdateRatio: fc.constantFrom(0.5, 0.99, 0.01),
          maxHeldBytes: fc.constantFrom(0, 30_000, 1_000_000),
        }),
        async (acts, sizes, endpoint) => {
          const consumers = new Map<number, Consumer>();
          const bodies = new Map<number, Body>();
          const server = new MemoryServer(
            service((req) => {
              const id = Number(req.path.slice(1));
              bodies.set(id, req.body);
              consumers.set(id, new Consumer(id));
              return new Promise(() => {});
            }),
            new ManualClock(),
            { endpoint: { ...endpoint, connectionWindowBytes: 100_000 } },
          );
          /** What the client may send: of the connection, and of each stream. */
          let connection = 65_535;
          const windows = new Map<number, number>();
          server.peer.onFrame = ({ type, id, payload }) => {
            if (type === FrameType.Goaway) throw new Error(`it went away: ${payload.toString("latin1", 8)}`);
            if (type === FrameType.RstStream) throw new Error(`it reset ${id} with ${payload.readUInt32BE(0)}`);
            if (type !== FrameType.WindowUpdate) return;
            const increment = payload.readUInt32BE(0);
            if (id === 0) connection += increment;
            else windows.set(id, (windows.get(id) as number) + increment);
          };
          server.wire.flush();
          server.begin();
          const ids = [1, 3, 5, 7, 9];
          const sent = new Map<number, number>();
          const stopped = new Set<number>();
          for (const id of ids) {
            windows.set(id, endpoint.initialStreamWindowBytes);
            server.send(server.peer.request(id, "POST", `/${id}`, false));
          }
          await settle();
          const push = (id: number, wanted: number, pad: number | undefined): number => {
            const around = pad === undefined ? 0 : pad + 1;
            const room = Math.min(connection, windows.get(id) as number, 16_384) - around;
            if (room < 0) return 0;
            const bytes = Math.min(room, wanted);
            const at = sent.get(id) ?? 0;
            sent.set(id, at + bytes);
            connection -= bytes + around;
            windows.set(id, (windows.get(id) as number) - bytes - around);
            server.wire.feed(data(id, contentOf(id, at, at + bytes), false, pad), sizes);
            server.wire.flush();
            return bytes;
          };
          for (const act of acts) {
            const id = ids[act.which] as number;
            const consumer = consumers.get(id) as Consumer;
            if (act.kind === "send") push(id, act.bytes, act.pad);
            else if (act.kind === "full") consumer.isFull = true;
            else if (act.kind === "pipe") consumer.flow ??= (bodies.get(id) as Body).pipe(consumer);
            else if (act.kind === "resume") {
              consumer.isFull = false;
              consumer.flow?.resume();
            } else if (consumer.flow !== undefined) {
              stopped.add(id);
              consumer.flow.stop(new Error("enough"));
            }
            server.wire.flush();
            const held = ids.reduce((sum, each) => {
              const { taken, isFull } = consumers.get(each) as Consumer;
              return stopped.has(each) || !isFull ? sum : sum + (sent.get(each) ?? 0) - taken;
            }, 0);
            expect(held).toBeLessThanOrEqual(5 * endpoint.initialStreamWindowBytes);
          }
          // Now every consumer takes what comes, and whoever wants to send can.
          for (const id of ids) {
            const consumer = consumers.get(id) as Consumer;
            consumer.isFull = false;
            consumer.flow ??= (bodies.get(id) as Body).pipe(consumer);
            consumer.flow.resume();
          }
          server.wire.flush();
          for (const id of ids) {
            if (stopped.has(id)) continue;
            let more = 150_000;
            for (let turns = 0; more > 0 && turns < 10_000; turns++) {
              const bytes = push(id, more, undefined);
              if (bytes === 0) expect([id, connection > 0, (windows.get(id) as number) > 0]).toEqual([id, true, true]);
              more -= bytes;
            }
            const lowest = Math.floor(endpoint.initialStreamWindowBytes * endpoint.windowUpdateRatio);
            expect(windows.get(id)).toBeGreaterThan(lowest);
            server.send(data(id, "", true));
            const consumer = consumers.get(id) as Consumer;
            expect([id, consumer.taken, consumer.ended]).toEqual([id, sent.get(id), true]);
          }
          expect(server.session.receiving.heldBytes).toBe(0);
        },
      ),
      { numRuns: runs },
    );
  }, 120_000);
});
