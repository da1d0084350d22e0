import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { H2Backend, Rst } from "../src/h2.ts";
import { RunningProxy } from "../src/proxy.ts";
import { Flag, FrameType, frame, literals, RawH2 } from "../src/raw-h2.ts";
import { until } from "../src/until.ts";

/** Clients of HTTP/2 that take their responses slowly, against `slowClients.minResponseBytesPerSec` of the real process. */

const enhanceYourCalm = 11;
const initialWindowSize = 4;
const maxWindow = 2 ** 31 - 1;
let backend: H2Backend;
let proxy: RunningProxy;
const clients: RawH2[] = [];

beforeAll(async () => {
  backend = await H2Backend.start((stream, headers) => {
    stream.respond({ ":status": 200 });
    if (headers[":path"] === "/short") {
      stream.end("short");
      return;
    }
    const pour = (): void => {
      while (!stream.destroyed && stream.write(Buffer.alloc(16_384, "x")));
    };
    stream.on("drain", pour);
    pour();
  });
  let next = 2;
  const router = (label: string, protocol: string, more: string, profile = ""): string =>
    `- protocol: ${protocol}
  label: ${label}
${profile}  dtab: /svc/* => /$/inet/127.1/${backend.port}
  client: { protocol: h2 }
  servers: [{ port: 0, ip: 127.0.0.${next++}, protocols: [h2, http1]${more} }]
`;
  const paced = ", slowClients: { responseWindowMs: 3000, minResponseBytesPerSec: 2000 }";
  proxy = await RunningProxy.start(
    `admin: { port: 0 }\nrouters:\n${[
      router("h2", "h2", paced),
      router("http", "http", paced),
      router("free", "h2", ""),
      router("edge", "h2", "", "  profile: edge\n"),
    ].join("")}`,
  );
}, 60_000);

afterAll(async () => {
  for (const each of clients) each.close();
  await proxy?.stop();
  await backend?.stop();
});

function client(label: string, window: number): RawH2 {
  const made = new RawH2(proxy.at(label), [initialWindowSize, window]);
  clients.push(made);
  return made;
}

function ask(of: RawH2, stream: number, path: string): void {
  const fields = literals(":method", "GET", ":scheme", "http", ":authority", "web", ":path", path);
  of.send(frame(FrameType.headers, Flag.endHeaders | Flag.endStream, stream, fields));
}

function opens(of: RawH2, stream: number, bytes: number): void {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  of.send(frame(8, 0, stream, payload));
}

const writeTimeouts = async (label: string): Promise<number> =>
  (await proxy.metrics())[`rt/${label}/server/${proxy.at(label).ip}/0/write_timeout`] ?? 0;

describe.each(["h2", "http"])("a client of HTTP/2 of the router %s", (label) => {
  it("F3, B14: that takes a stream byte by byte loses it, and its backend is told; another stream goes on", async () => {
    const before = backend.streams.length;
    const timeouts = await writeTimeouts(label);
    const one = client(label, 0);
    opens(one, 0, 100_000_000);
    ask(one, 1, "/endless");
    ask(one, 3, "/endless");
    await until(() => backend.streams.length === before + 2, "both requests");
    const timer = setInterval(() => {
      opens(one, 1, 1);
      // Many times the rate, so that a machine which is slow for a while does it no harm.
      opens(one, 3, 16_384);
    }, 10);
    await until(() => one.resetOf(1) !== undefined, "the reset");
    expect(one.resetOf(1)).toBe(enhanceYourCalm);
    const taken = (): number => one.of(FrameType.data, 3).length;
    const then = taken();
    await until(() => taken() > then + 50, "more of the other stream");
    clearInterval(timer);
    expect([one.resetOf(3), one.frames.some(({ type }) => type === FrameType.goaway)]).toEqual([undefined, false]);
    await until(
      () => backend.streams.slice(before).filter(({ rstCode }) => rstCode === Rst.cancel).length === 1,
      "the end of one of them at the backend",
    );
    expect(await writeTimeouts(label)).toBe(timeouts + 1);
    one.close();
  });

  it("F3: that opens the window of its connection byte by byte loses the connection", async () => {
    const one = client(label, maxWindow);
    ask(one, 1, "/endless");
    await until(() => one.of(FrameType.data, 1).length > 0, "the first content");
    const timer = setInterval(() => opens(one, 0, 1), 10);
    await until(() => one.frames.some(({ type }) => type === FrameType.goaway), "the end of the connection");
    clearInterval(timer);
    expect(one.frames.find(({ type }) => type === FrameType.goaway)?.payload.readUInt32BE(4)).toBe(enhanceYourCalm);
  });

  it("F3: that reads nothing more from its socket is cut off", async () => {
    const timeouts = await writeTimeouts(label);
    const one = client(label, maxWindow);
    opens(one, 0, maxWindow - 65_535);
    ask(one, 1, "/endless");
    await until(() => one.of(FrameType.data, 1).length > 0, "the first content");
    one.socket.pause();
    await proxy.metricsWhen(
      (found) => found[`rt/${label}/server/${proxy.at(label).ip}/0/write_timeout`] === timeouts + 1,
      30_000,
    );
    one.close();
  });

  it("that has taken all there was may rest for as long as it likes", async () => {
    const one = client(label, 65_535);
    ask(one, 1, "/short");
    await until(() => one.of(FrameType.data, 1).length > 0, "the answer");
    const other = client(label, 0);
    opens(other, 0, 100_000_000);
    ask(other, 1, "/endless");
    await until(() => other.resetOf(1) !== undefined, "a slow client's reset");
    ask(one, 3, "/short");
    await until(() => one.of(FrameType.data, 3).length > 0, "another answer");
    expect(one.frames.some(({ type }) => type === FrameType.goaway)).toBe(false);
  });
});

describe("without a rate", () => {
  it("a client may take as little as it likes", async () => {
    const slow = client("free", 0);
    opens(slow, 0, 100_000_000);
    ask(slow, 1, "/endless");
    const timer = setInterval(() => opens(slow, 1, 1), 10);
    const other = client("h2", 0);
    opens(other, 0, 100_000_000);
    ask(other, 1, "/endless");
    await until(() => other.resetOf(1) !== undefined, "the reset of one that is measured");
    clearInterval(timer);
    expect(slow.resetOf(1)).toBeUndefined();
    expect(slow.of(FrameType.data, 1).length).toBeGreaterThan(0);
  });
});

describe("profile: edge", () => {
  it("is taken by an h2 router", async () => {
    const one = client("edge", 65_535);
    ask(one, 1, "/short");
    await until(() => one.of(FrameType.data, 1).length > 0, "the answer");
  });
});
