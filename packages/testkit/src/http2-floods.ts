/** What of HTTP/2 a client may send that costs it little: list B, for every transport and for whole processes. */
export interface Http2Flood {
  /** Its number in list B. */
  readonly id: string;
  readonly what: string;
  /** Payload of the client's first SETTINGS. */
  readonly settings: Buffer;
  /** Sent once, behind the settings. */
  readonly first: Buffer;
  /** Sent next, with numbers from 0 on, until the connection closes. */
  readonly make: (i: number) => Buffer;
  /** How often at most; where the connection has to end, more than fits into the buffers on the way. */
  readonly count: number;
  /** Whether the connection has to end, with ENHANCE_YOUR_CALM; else it may go on as long as it costs little. */
  readonly ends: boolean;
}

const Type = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  update: 8,
  more: 9,
} as const;
const endStream = 0x1;
const endHeaders = 0x4;
const whole = endHeaders | endStream;
const nothing = Buffer.alloc(0);

function frame(type: number, flags: number, id: number, payload: Uint8Array = nothing): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function setting(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(id);
  bytes.writeUInt32BE(value, 2);
  return bytes;
}

/** A string of HPACK without Huffman coding. */
function string(text: string): Buffer {
  const octets = Buffer.from(text, "latin1");
  if (octets.length < 127) return Buffer.concat([Buffer.from([octets.length]), octets]);
  const head = [127];
  let rest = octets.length - 127;
  for (; rest >= 128; rest = rest >>> 7) head.push(128 | (rest & 127));
  return Buffer.concat([Buffer.from([...head, rest]), octets]);
}

/** A header field that is in no table, or goes into it. */
function literal(name: string, value: string, kind: 0x00 | 0x40 = 0x00): Buffer {
  return Buffer.concat([Buffer.from([kind]), string(name), string(value)]);
}

function request(method: string, path: string, ...more: readonly (readonly [name: string, value: string])[]): Buffer {
  const all = [[":method", method], [":scheme", "http"], [":path", path], [":authority", "web"], ...more] as const;
  return Buffer.concat(all.map(([name, value]) => literal(name as string, value as string)));
}

const many = (times: number, each: Buffer): Buffer => Buffer.concat(new Array<Buffer>(times).fill(each));
const streamOf = (i: number): number => 1 + 2 * i;
/** A path that the service leaves unanswered until it is cancelled. */
const never = request("GET", "/never");
const post = request("POST", "/collect");

/** Each costs us a stream that we reset ourselves. */
const provoked: Readonly<Record<string, (id: number) => readonly Buffer[]>> = {
  "WINDOW_UPDATEs of 0": (id) => [frame(Type.headers, endHeaders, id, post), frame(Type.update, 0, id, uint32(0))],
  "windows that are too large": (id) => [
    frame(Type.headers, endHeaders, id, post),
    frame(Type.update, 0, id, uint32(2 ** 31 - 1)),
  ],
  "DATA behind the end": (id) => [frame(Type.headers, whole, id, never), frame(Type.data, 0, id, Buffer.from("x"))],
  "HEADERS behind the end": (id) => [frame(Type.headers, whole, id, never), frame(Type.headers, whole, id, never)],
  "PRIORITY of the wrong length": (id) => [
    frame(Type.headers, endHeaders, id, post),
    frame(Type.priority, 0, id, Buffer.alloc(4)),
  ],
  "malformed headers": (id) => [frame(Type.headers, whole, id, literal("Bad", ""))],
  "bodies that are too long": (id) => [
    frame(Type.headers, endHeaders, id, request("POST", "/collect", ["content-length", "1"])),
    frame(Type.data, 0, id, Buffer.from("xyz")),
  ],
  "trailers that do not end": (id) => [
    frame(Type.headers, endHeaders, id, post),
    frame(Type.headers, endHeaders, id, literal("x", "y")),
  ],
};

/** Thousands of header fields out of few octets: one that is large, and then its index again and again. */
const bomb = literal("k", "v".repeat(3_900), 0x40);

interface Given {
  readonly settings?: Buffer;
  readonly first?: Buffer;
  /** For what need not end. */
  readonly count?: number;
}

const endless = 64 * 1024 * 1024;

function flood(id: string, what: string, make: (i: number) => Buffer, given: Given = {}): Http2Flood {
  const { settings = nothing, first = nothing, count = Math.ceil(endless / make(0).length) } = given;
  return { id, what, settings, first, make, count, ends: given.count === undefined };
}

export const http2Floods: readonly Http2Flood[] = [
  flood("B1", "requests that are reset at once", (i) =>
    Buffer.concat([frame(Type.headers, whole, streamOf(i), never), frame(Type.reset, 0, streamOf(i), uint32(8))]),
  ),
  ...Object.entries(provoked).map(([what, frames]) => flood("B2", what, (i) => Buffer.concat(frames(streamOf(i))))),
  flood("B3", "a header block without an end", () => frame(Type.more, 0, 1, literal("x", "v".repeat(1_000))), {
    first: frame(Type.headers, endStream, 1, never),
  }),
  flood("B4", "a header block of frames without content", () => many(100, frame(Type.more, 0, 1)), {
    first: frame(Type.headers, endStream, 1, never),
  }),
  flood("B5", "PINGs", () => many(100, frame(Type.ping, 0, 0, Buffer.alloc(8)))),
  flood("B6", "SETTINGS", () =>
    many(100, frame(Type.settings, 0, 0, Buffer.concat([setting(1, 0), setting(1, 4_096)]))),
  ),
  flood(
    "B6",
    "SETTINGS that move the windows of many streams",
    () => Buffer.concat([frame(Type.settings, 0, 0, setting(4, 0)), frame(Type.settings, 0, 0, setting(4, 2 ** 30))]),
    { first: Buffer.concat(Array.from({ length: 1_000 }, (_, i) => frame(Type.headers, whole, streamOf(i), never))) },
  ),
  flood("B7", "DATA without content", () => many(100, frame(Type.data, 0, 1)), {
    first: frame(Type.headers, endHeaders, 1, post),
  }),
  flood(
    "B7",
    "DATA of padding alone",
    () => many(20, frame(Type.data, 0x8, 1, Buffer.concat([Buffer.from([255]), Buffer.alloc(255)]))),
    { first: frame(Type.headers, endHeaders, 1, post) },
  ),
  flood("B8", "PRIORITY", (i) =>
    Buffer.concat(
      Array.from({ length: 100 }, (_, k) =>
        frame(
          Type.priority,
          0,
          streamOf(i * 100 + k),
          Buffer.concat([uint32(streamOf(k + 1_000_000)), Buffer.from([1])]),
        ),
      ),
    ),
  ),
  flood(
    "B9",
    "WINDOW_UPDATEs of 1",
    () => many(50, Buffer.concat([frame(Type.update, 0, 0, uint32(1)), frame(Type.update, 0, 1, uint32(1))])),
    { first: frame(Type.headers, whole, 1, never) },
  ),
  flood(
    "B10",
    "header lists that expand",
    (i) => frame(Type.headers, whole, streamOf(i + 1), Buffer.concat([never, Buffer.alloc(16_000, 0xbe)])),
    { first: frame(Type.headers, whole, 1, Buffer.concat([never, bomb])), count: 400 },
  ),
  flood(
    "B10",
    "header lists just within the limit",
    (i) => frame(Type.headers, whole, streamOf(i + 1), Buffer.concat([never, Buffer.alloc(14, 0xbe)])),
    { first: frame(Type.headers, whole, 1, Buffer.concat([never, bomb])), count: 990 },
  ),
  flood(
    "B10",
    "header lists that share nothing, on as many streams as there may be",
    (i) => {
      const values = Array.from({ length: 4 }, (_, k) => literal(`x-${k}`, `${i}-${k}-${"w".repeat(14_000)}`));
      return Buffer.concat([
        frame(Type.headers, endStream, streamOf(i), never),
        ...values.map((value, k) => frame(Type.more, k === 3 ? endHeaders : 0, streamOf(i), value)),
      ]);
    },
    { count: 990 },
  ),
  flood("B12", "streams that are left half-open", (i) => frame(Type.headers, endHeaders, streamOf(i), post)),
  flood(
    "B13",
    "requests with a window that stays closed",
    (i) => frame(Type.headers, whole, streamOf(i), request("GET", "/big/60000")),
    { settings: setting(4, 0), count: 100 },
  ),
  flood("B14", "a window that opens octet by octet", () => many(100, frame(Type.update, 0, 1, uint32(1))), {
    settings: setting(4, 0),
    first: frame(Type.headers, whole, 1, request("GET", "/big/1000000")),
  }),
  flood("B31", "frames of unknown types", (i) => many(20, frame(0x20 + (i % 200), 0xff, i % 3, Buffer.alloc(10)))),
];
