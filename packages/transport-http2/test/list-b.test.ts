import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { eventually } from "@weftmesh/testkit";
import { http2Floods } from "@weftmesh/testkit/http2-floods";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ErrorCode, Flag, FrameType } from "../src/frame-types.ts";
import { block, FramePeer, frame, request, settings, uint32 } from "./frame-peer.ts";
import { type TestServer, testServer } from "./test-server.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
setFlagsFromString("--no-expose-gc");

/** What is in use when nothing is left to be collected. */
function inUse(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const mib = 1024 * 1024;
const whole = Flag.EndHeaders | Flag.EndStream;
const get = block(request());
const never = block(request("/never"));

let served: TestServer;
let attacker: FramePeer;

/** Good requests on a connection of their own, one after another, for as long as an attack goes on. */
class Bystander {
  answered = 0;
  readonly #done: Promise<void>;
  #stopped = false;

  constructor(port: number) {
    this.#done = this.#run(port);
  }

  async #run(port: number): Promise<void> {
    const peer = await FramePeer.open(port);
    for (let id = 1; !this.#stopped || this.answered < 3; id += 2) {
      expect((await peer.get(id).response(id)).status).toBe("200");
      this.answered++;
      peer.frames.length = 0;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    peer.destroy();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
    expect(this.answered).toBeGreaterThan(2);
  }
}

let bystander: Bystander;
let before: number;

async function attack(options: Parameters<typeof testServer>[0] = {}, ours?: Buffer): Promise<void> {
  served = await testServer(options);
  attacker = await FramePeer.open(served.port, ours);
  attacker.polite = false;
  attacker.keeps = ({ type }) => type === FrameType.Goaway;
  before = inUse();
  bystander = new Bystander(served.port);
}

/** The connection ended for too much of something. */
async function calmed(): Promise<void> {
  expect((await attacker.goaway()).code).toBe(ErrorCode.EnhanceYourCalm);
}

/** The attacker is in this process too: what it has not sent, and the system has not taken, comes on top for a while. */
async function expectBounded(): Promise<void> {
  await eventually("memory has grown by less than 32 MiB", () => inUse() - before < 32 * mib, 15_000);
}

beforeEach(() => {
  before = 0;
});
afterEach(async () => {
  await bystander.stop();
  await expectBounded();
  attacker.destroy();
  await served.close();
});

describe("list B: floods end the connection, or cost next to nothing", () => {
  for (const { id, what, settings: ours, first, make, count, ends } of http2Floods) {
    it(`${id}: ${what}`, async () => {
      await attack({}, ours);
      attacker.raw(first);
      const sent = await attacker.flood(count, make);
      if (ends) {
        expect(sent).toBeLessThan(count);
        await calmed();
      } else await bystanderRound();
      await expectBounded();
      attacker.destroy();
      // Whatever reached the service was cancelled or answered, and that was a bounded number of calls.
      const calls = served.seen.filter(({ req }) => req.path !== "/");
      expect(calls.length).toBeLessThan(1_500);
      await eventually("every call ends once", () => calls.every((each) => each.ends.length === 1), 15_000);
    });
  }

  it("B5: PINGs whose answers nobody reads hold no memory", async () => {
    await attack({ rates: { pings: { burst: 1e9, perSec: 1e9 } } });
    attacker.socket.pause();
    const pings = Buffer.concat(new Array(1_000).fill(frame(FrameType.Ping, 0, 0, Buffer.alloc(8))));
    const sending = attacker.flood(3_000, () => pings);
    let peak = 0;
    const timer = setInterval(() => {
      peak = Math.max(peak, inUse());
    }, 200);
    // Either it is no longer read, or it is cut off.
    await Promise.race([sending, new Promise((resolve) => setTimeout(resolve, 2_000))]);
    clearInterval(timer);
    expect(peak - before).toBeLessThan(32 * mib);
    attacker.destroy();
    await sending;
  });

  it("B10: header lists that expand are answered 431, and a stream of them is cut off or costs nothing", async () => {
    await attack();
    const statuses = new Map<string, number>();
    attacker.keeps = ({ type, payload }) => {
      if (type === FrameType.Headers)
        statuses.set(payload.toString("hex"), (statuses.get(payload.toString("hex")) ?? 0) + 1);
      return type === FrameType.Goaway;
    };
    // One large entry in the table, then the same 16,000 times in each block: 60 MB of headers from 16 KB.
    const entry = Buffer.concat([Buffer.from("40016b", "hex"), lengthOf(3_900), Buffer.alloc(3_900, "v")]);
    attacker.write(FrameType.Headers, whole, 1, Buffer.concat([get, entry]));
    const bomb = Buffer.concat([get, Buffer.alloc(16_000, 0xbe)]);
    await attacker.flood(400, (i) => frame(FrameType.Headers, whole, 3 + 2 * i, bomb));
    await attacker.until("an end", () => attacker.closed || statuses.size > 0);
    expect(served.seen.filter(({ req }) => req.headers.has("k")).length).toBeLessThan(2);
  });

  it("B13: a client that opens no window holds little, and its streams are reset in time", async () => {
    await attack({ limits: { responseTimeoutMs: 300 } }, settings([4, 0]));
    const resets: number[] = [];
    attacker.keeps = ({ type, payload }) => {
      if (type === FrameType.RstStream) resets.push(payload.readUInt32BE(0));
      return type === FrameType.Goaway;
    };
    await attacker.flood(100, (i) => frame(FrameType.Headers, whole, 1 + 2 * i, block(request("/big/60000"))));
    await attacker.until("the streams to be reset", () => resets.length === 100 || attacker.closed);
    expect(inUse() - before).toBeLessThan(32 * mib);
  });

  it("B15: sessions that end with a window too large leave nothing behind", async () => {
    await attack();
    const round = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const peer = await FramePeer.open(served.port);
        peer
          .post(1)
          .windowUpdate(1, 2 ** 31 - 1)
          .windowUpdate(0, 2 ** 31 - 1);
        await peer.goaway();
      }
    };
    await round(50);
    const held = inUse();
    await round(200);
    served.seen.length = 0;
    expect(inUse() - held).toBeLessThan(4 * mib);
  });

  it("B23: DATA for a stream that is over, or that nobody opened, ends the connection", async () => {
    for (const [i, [id, code]] of [
      [1, ErrorCode.StreamClosed] as const,
      [9, ErrorCode.ProtocolError] as const,
    ].entries()) {
      if (i > 0) {
        await bystander.stop();
        await served.close();
      }
      await attack();
      attacker.keeps = () => true;
      await attacker.get(1).response(1);
      const stray = Buffer.concat(new Array(100).fill(frame(FrameType.Data, 0, id, Buffer.from("x"))));
      await attacker.flood(5_000, () => stray);
      expect((await attacker.goaway()).code).toBe(code);
    }
  });

  it("DATA for a stream that was reset is dropped, holds nothing, and ends no other stream", async () => {
    await attack();
    attacker.write(FrameType.Headers, whole, 1, never).write(FrameType.Data, 0, 1, Buffer.from("x"));
    const late = Buffer.concat(new Array(100).fill(frame(FrameType.Data, 0, 1, Buffer.alloc(100))));
    await attacker.flood(2_000, () => late);
    await bystanderRound();
  });

  it("B12: a client that never acknowledges our settings opens no more streams for that", async () => {
    await attack();
    attacker.destroy();
    attacker = FramePeer.to(served.port);
    attacker.polite = false;
    attacker.keeps = ({ type }) => type === FrameType.Goaway;
    attacker.preface().write(FrameType.Settings, 0, 0);
    const half = block(request("/collect", [], "POST"));
    const sent = await attacker.flood(200_000, (i) => frame(FrameType.Headers, Flag.EndHeaders, 1 + 2 * i, half));
    expect(sent).toBeLessThan(200_000);
    await attacker.goaway();
  });

  const endless: Readonly<Record<string, Buffer>> = {
    "acknowledgements of SETTINGS": frame(FrameType.Settings, Flag.Ack, 0),
    "acknowledgements of PING": frame(FrameType.Ping, Flag.Ack, 0, Buffer.alloc(8)),
    GOAWAY: frame(FrameType.Goaway, 0, 0, uint32(0, 0)),
    "RST_STREAM for a closed stream": frame(FrameType.RstStream, 0, 1, uint32(8)),
    "WINDOW_UPDATE for a closed stream": frame(FrameType.WindowUpdate, 0, 1, uint32(1)),
  };
  for (const [what, each] of Object.entries(endless)) {
    it(`B9: ${what}, without end, is cut off or costs no more than to be read`, async () => {
      await attack();
      await FramePeer.open(served.port).then((peer) => peer.destroy());
      attacker.keeps = () => true;
      await attacker.get(1).response(1);
      attacker.keeps = ({ type }) => type === FrameType.Goaway;
      const many = Buffer.concat(new Array(100).fill(each));
      await attacker.flood(3_000, () => many);
      await bystanderRound();
    });
  }
});

/** The bystander was answered twice more. */
async function bystanderRound(): Promise<void> {
  const from = bystander.answered;
  await eventually("good requests are answered", () => bystander.answered > from + 1, 15_000);
}

function lengthOf(octets: number): Buffer {
  const head = [127];
  let rest = octets - 127;
  for (; rest >= 128; rest = rest >>> 7) head.push(128 | (rest & 127));
  head.push(rest);
  return Buffer.from(head);
}
