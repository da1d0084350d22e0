import { Ctx, service, systemClock } from "@weftmesh/core";
import { emptyBody, Headers, HttpRequest, HttpResponse, textBody } from "@weftmesh/http";
import { ManualClock, settle } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Flag, FrameType } from "../src/frame-types.ts";
import { data, type Frame, frame } from "./frames.ts";
import { MemoryClient } from "./memory-client.ts";
import { MemoryServer } from "./memory-server.ts";

interface Interim {
  readonly status: number;
  readonly fields: readonly (readonly [string, string])[];
}

const arbField = fc.tuple(
  fc.constantFrom("link", "x-a", "x-b", "set-cookie"),
  fc.string({ unit: fc.constantFrom("a", "<", ">", ";", "=", "é", "0"), maxLength: 12 }),
);
const arbInterim: fc.Arbitrary<Interim> = fc.record({
  status: fc.oneof(fc.constantFrom(102, 103), fc.integer({ min: 102, max: 199 })),
  fields: fc.array(arbField, { maxLength: 4 }),
});
const arbHeads = fc.array(fc.oneof({ weight: 5, arbitrary: arbInterim }, fc.constant({ status: 100, fields: [] })), {
  maxLength: 20,
});

const shown = ({ status, fields }: Interim): string =>
  [status, ...fields.map(([name, value]) => `${name}: ${value}`)].join("\n");

function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((start, i) => bytes.subarray(start, at[i] ?? bytes.length)).filter((piece) => piece.length > 0);
}

/** A header block in two frames. */
function split(id: number, block: Buffer, at: number): Buffer {
  const cut = at % (block.length + 1);
  return Buffer.concat([
    frame(FrameType.Headers, 0, id, block.subarray(0, cut)),
    frame(FrameType.Continuation, Flag.EndHeaders, id, block.subarray(cut)),
  ]);
}

describe("interim responses of a backend", () => {
  it("reach whoever listens, all but 100, in their order and before the answer, however their bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(arbHeads, arbHeads),
        fc.array(fc.nat(4_000), { maxLength: 40 }),
        fc.nat(50),
        async (heads, cuts, at) => {
          const client = new MemoryClient(new ManualClock()).begin();
          const heard = heads.map((): string[] => []);
          const calls = heads.map((_, i) => {
            const req = new HttpRequest("2", "GET", "http", "a", "/", new Headers(), emptyBody);
            const ctx = new Ctx();
            req.interim = {
              onInterim: (status, headers, of) => {
                expect(of).toBe(ctx);
                heard[i]?.push(shown({ status, fields: [...headers] }));
              },
            };
            return client.session.call(req, ctx).then((rep) => heard[i]?.push(String(rep.status)));
          });
          // Those of two streams come in turn.
          const frames: Buffer[] = [];
          for (let n = 0; n < 20; n++) {
            for (const [i, list] of heads.entries()) {
              const head = list[n];
              if (head === undefined) continue;
              const block = client.peer.block([[":status", String(head.status)], ...head.fields]);
              frames.push(split(1 + 2 * i, block, at + n));
            }
          }
          for (const id of [1, 3])
            frames.push(client.peer.headers(id, [[":status", "200"]], false), data(id, "ok", true));
          for (const piece of cutAt(Buffer.concat(frames), cuts)) client.send(piece);
          await Promise.all(calls);
          expect(heard).toEqual(
            heads.map((list) => [...list.filter(({ status }) => status !== 100).map(shown), "200"]),
          );
        },
      ),
    );
  });
});

describe("interim responses to a client", () => {
  it("are written in their order before the answer, without what HTTP/1 has for a connection", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbInterim, { maxLength: 20 }), fc.boolean(), async (heads, passesInterim) => {
        const server = new MemoryServer(
          service(async (req, ctx) => {
            for (const { status, fields } of heads) {
              const framing = [
                "Content-Length",
                "5",
                "Transfer-Encoding",
                "chunked",
                "Connection",
                "x-mine",
                "X-Mine",
                "1",
              ];
              req.interim?.onInterim(
                status,
                Headers.of(...fields.flat(), ...framing, "Keep-Alive", "timeout=5"),
                ctx.fork(),
              );
              await Promise.resolve();
            }
            return new HttpResponse(200, new Headers(), textBody("ok"));
          }),
          systemClock,
          { passesInterim },
        ).begin();
        server.send(server.peer.request(1));
        for (let i = 0; i < 3; i++) await settle();
        server.wire.flush();
        const lists = server.peer.of(FrameType.Headers, 1).map((each: Frame) => server.peer.decode(each));
        const told = lists.map(([[, status] = ["", ""], ...fields]) => shown({ status: Number(status), fields }));
        expect(told).toEqual([
          ...(passesInterim ? heads.map(shown) : []),
          shown({ status: 200, fields: [["content-length", "2"]] }),
        ]);
        expect([server.peer.content(1).toString(), server.peer.ended(1)]).toEqual(["ok", true]);
        expect(server.peer.wentAway).toBeUndefined();
      }),
    );
  });

  it("are not written behind the head of the answer, nor on a stream that was reset, nor with a status that is none", async () => {
    let late = (): void => {};
    const server = new MemoryServer(
      service(async ({ interim }, ctx) => {
        for (const status of [100, 101, 200, 99, 103.5]) interim?.onInterim(status, new Headers(), ctx);
        late = () => interim?.onInterim(103, new Headers(), ctx);
        return new HttpResponse(204);
      }),
      systemClock,
    ).begin();
    server.send(server.peer.request(1));
    await settle();
    late();
    server.wire.flush();
    const lists = server.peer.of(FrameType.Headers, 1).map((each) => server.peer.decode(each));
    expect(lists).toEqual([[[":status", "204"]]]);
  });

  it("B13: are not kept without end for clients that take nothing", async () => {
    const server = new MemoryServer(
      service(async (req, ctx) => {
        for (let i = 0; i < 100; i++) req.interim?.onInterim(103, Headers.of("link", "x".repeat(8_000)), ctx);
        return new HttpResponse(204);
      }),
      systemClock,
    ).begin();
    server.wire.stuck = true;
    for (let id = 1; id < 100; id += 2) server.send(server.peer.request(id));
    await settle();
    expect(server.wire.pending).toBeLessThan(300_000);
  });
});
