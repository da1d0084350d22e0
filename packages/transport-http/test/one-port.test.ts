import { connect as tlsConnect } from "node:tls";
import { type Ctx, service, systemClock } from "@weftmesh/core";
import { collectBody, Headers, type HttpRequest, HttpResponse, textBody } from "@weftmesh/http";
import { Listeners } from "@weftmesh/listeners";
import { eventually, MemoryStats, RawClient } from "@weftmesh/testkit";
import { type HttpServerOptions, listenHttp } from "@weftmesh/transport-http";
import { listenHttp1 } from "@weftmesh/transport-http1";
import { listenHttp2 } from "@weftmesh/transport-http2";
import { serverConnectionStats, type WireServer } from "@weftmesh/wire";
import { afterEach, describe, expect, it } from "vitest";
import { clientOf, forwarding } from "./ends.ts";
import { endStream, type Frame, frame, framesOf, get, headers, preface, settings } from "./frames.ts";
import { newAcceptor } from "./new-acceptor.ts";

const http1Get = "GET /one HTTP/1.1\r\nHost: web\r\n\r\n";
const http2Get = Buffer.concat([preface, settings, headers(1, true, ...get)]);
const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Says in which version it was asked. */
const own = {
  service: service((req: HttpRequest, _ctx: Ctx) => {
    const text = textBody(`version ${req.version} of ${req.authority}${req.path}`);
    return Promise.resolve(new HttpResponse(200, new Headers(), text));
  }),
};

async function listen(options: Partial<HttpServerOptions> = {}): Promise<WireServer> {
  const server = await listenHttp({ http1: own, http2: own, port: 0, clock: systemClock, ...options });
  closing.push(() => server.close(0));
  return server;
}

function client(server: WireServer): RawClient {
  const made = new RawClient(server.address.port);
  closing.push(() => made.destroy());
  return made;
}

async function freePort(): Promise<number> {
  const free = await listenHttp1({ ...own, port: 0, clock: systemClock });
  await free.close();
  return free.address.port;
}

const received = (peer: RawClient): Frame[] => framesOf(Buffer.from(peer.text, "latin1"));
const dataOf = (frames: readonly Frame[], stream: number): string =>
  frames.flatMap((each) => (each.type === 0 && each.stream === stream ? [each.payload.toString()] : [])).join("");
const hasEnded = (frames: readonly Frame[], stream: number): boolean =>
  frames.some((each) => each.type <= 1 && each.stream === stream && (each.flags & endStream) !== 0);

describe("one port", () => {
  it("serves each version to those who speak it, side by side", async () => {
    const server = await listen();
    const [one, two] = [client(server), client(server)];
    one.send(http1Get);
    two.send(http2Get);
    await one.until(() => one.text.endsWith("version 1.1 of web/one"));
    await two.until(() => hasEnded(received(two), 1));
    expect(dataOf(received(two), 1)).toBe("version 2 of web/");
    expect(server.connections).toBe(2);
    one.send(http1Get);
    await one.until(() => one.statuses.length === 2);
  });

  it("takes HTTP/2's preface byte by byte, and HTTP/1.1 that begins as the preface does", async () => {
    const server = await listen();
    const two = client(server);
    for (const byte of http2Get) {
      two.send(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await two.until(() => hasEnded(received(two), 1));
    const one = client(server);
    for (const byte of Buffer.from("PRI /x HTTP/1.1\r\nHost: web\r\n\r\n")) {
      one.send(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await one.until(() => one.text.endsWith("version 1.1 of web/x"));
  });

  it("closes at once who has said nothing when the server closes", async () => {
    const server = await listen();
    const [silent, partial] = [client(server), client(server)];
    partial.send("PRI");
    await eventually("both are there", () => server.connections === 2);
    const closed = server.close();
    await silent.gone();
    await partial.gone();
    await closed;
  });

  it("counts each connection once, whatever it turns out to be", async () => {
    const stats = new MemoryStats();
    const server = await listen({ stats: serverConnectionStats(stats), upgrade: true });
    const [one, two, none, up] = [client(server), client(server), client(server), client(server)];
    await one.send(http1Get).until(() => one.statuses.length === 1);
    await two.send(http2Get).until(() => hasEnded(received(two), 1));
    none.send("PR");
    await up.send(upgradeRequest()).until(() => hasEnded(received(behindSwitch(up)), 1));
    await eventually("all are there", () => server.connections === 4);
    for (const each of [one, two, none, up]) each.destroy();
    await eventually("all are gone", () => server.connections === 0);
    expect([stats.readCounter("connects"), stats.readCounter("closes")]).toEqual([4, 4]);
  });

  it("takes over who has not said anything, from a server of the same port", async () => {
    const listeners = new Listeners();
    const port = await freePort();
    const first = await listen({ port, listeners });
    const [silent, partial] = [client(first), client(first)];
    partial.send(http2Get.subarray(0, 7));
    await eventually("they are there", () => first.connections === 2);
    listeners.beginTakeover();
    const second = await listen({ port, listeners });
    expect([first.connections, second.connections]).toEqual([0, 2]);
    await first.close();
    await silent.send(http1Get).until(() => silent.statuses.length === 1);
    await partial.send(http2Get.subarray(7)).until(() => hasEnded(received(partial), 1));
  });

  it("becomes of a server of HTTP/1.1 without a connection lost", async () => {
    const listeners = new Listeners();
    const port = await freePort();
    const first = await listenHttp1({ ...own, port, clock: systemClock, listeners });
    const one = client(first);
    await one.send(http1Get).until(() => one.statuses.length === 1);
    listeners.beginTakeover();
    const second = await listen({ port, listeners });
    await first.close();
    expect([first.connections, second.connections]).toEqual([0, 1]);
    await one.send(http1Get).until(() => one.statuses.length === 2);
    listeners.beginTakeover();
    // What is not spoken by the next ends where it is.
    const third = await listenHttp2({ ...own, port, clock: systemClock, listeners });
    closing.push(() => third.close(0));
    const closed = second.close();
    await one.gone();
    await closed;
  });
});

function upgradeRequest(more = "", payload = "", method = "GET"): string {
  const sent = Buffer.from(payload, "hex").toString("base64url");
  const asks = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n";
  return `${method} /up HTTP/1.1\r\nHost: web\r\n${asks}HTTP2-Settings: ${sent}\r\n${more}\r\n`;
}

/** What came after the end of the first head. */
function behindSwitch(peer: RawClient): RawClient {
  const at = peer.text.indexOf("\r\n\r\n");
  return { text: at === -1 ? "" : peer.text.slice(at + 4) } as RawClient;
}

describe("an upgrade from HTTP/1.1", () => {
  it("answers 101, then its settings, then the request as stream 1, and goes on in HTTP/2", async () => {
    const server = await listen({ upgrade: true });
    const peer = client(server);
    // INITIAL_WINDOW_SIZE 10: the answer waits for more.
    peer.send(upgradeRequest("", "00040000000a"));
    await peer.until(() => dataOf(received(behindSwitch(peer)), 1).length === 10);
    expect(peer.text).toMatch(/^HTTP\/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n/);
    expect(received(behindSwitch(peer))[0]?.type).toBe(4);
    peer.send(Buffer.concat([preface, settings, frame(8, 0, 1, Buffer.from([0, 0, 1, 0]))]));
    await peer.until(() => hasEnded(received(behindSwitch(peer)), 1));
    expect(dataOf(received(behindSwitch(peer)), 1)).toBe("version 1.1 of web/up");
    peer.send(headers(3, true, ...get));
    peer.send(frame(8, 0, 3, Buffer.from([0, 0, 1, 0])));
    await peer.until(() => hasEnded(received(behindSwitch(peer)), 3));
    expect(dataOf(received(behindSwitch(peer)), 3)).toBe("version 2 of web/");
    expect(server.connections).toBe(1);
  });

  it("takes what came right behind the request", async () => {
    const peer = client(await listen({ upgrade: true }));
    peer.send(Buffer.concat([Buffer.from(upgradeRequest()), preface, settings, headers(3, true, ...get)]));
    await peer.until(() => hasEnded(received(behindSwitch(peer)), 3));
    expect(dataOf(received(behindSwitch(peer)), 1)).toBe("version 1.1 of web/up");
  });

  it("writes interim responses to stream 1 in HTTP/2", async () => {
    const hinting = {
      service: service((req: HttpRequest, ctx) => {
        req.interim?.onInterim(103, Headers.of("x-hint", "1"), ctx);
        return Promise.resolve(new HttpResponse(204));
      }),
    };
    const peer = client(await listen({ upgrade: true, http1: hinting, http2: hinting }));
    await peer.send(upgradeRequest()).until(() => hasEnded(received(behindSwitch(peer)), 1));
    const heads = received(behindSwitch(peer)).filter((each) => each.type === 1);
    expect(heads).toHaveLength(2);
    expect(peer.text).not.toContain("HTTP/1.1 103");
  });

  it("says that the connection ends, where the server closes", async () => {
    const server = await listen({ upgrade: true });
    const peer = client(server);
    await eventually("it is there", () => server.connections === 1);
    const closed = server.close(60_000, 30_000);
    peer.send(upgradeRequest());
    await peer.until(() => received(behindSwitch(peer)).some((each) => each.type === 7));
    await peer.until(() => hasEnded(received(behindSwitch(peer)), 1));
    const ping = received(behindSwitch(peer)).find((each) => each.type === 6) as Frame;
    peer.send(Buffer.concat([preface, settings, frame(6, 1, 0, ping.payload)]));
    await peer.gone();
    await closed;
  });

  it("leaves the headers that asked for it behind", async () => {
    const seen: string[][] = [];
    const looking = {
      service: service((req: HttpRequest) => {
        seen.push(req.headers.toFlat());
        return Promise.resolve(new HttpResponse(204));
      }),
    };
    const peer = client(await listen({ upgrade: true, http1: looking, http2: looking }));
    await peer.send(upgradeRequest("X-Kept: 1\r\n")).until(() => hasEnded(received(behindSwitch(peer)), 1));
    expect(seen).toEqual([["Host", "web", "X-Kept", "1"]]);
  });

  it.each([
    ["no settings", "GET /up HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"],
    ["settings twice", upgradeRequest("HTTP2-Settings: \r\n")],
    ["settings of a wrong length", upgradeRequest("", "0004000000")],
    ["settings that may not be", upgradeRequest("", "000480000000")],
    ["settings that are not base64url", upgradeRequest().replace("Settings: \r", "Settings: +/==\r")],
    ["settings that Connection does not name", upgradeRequest().replace("Upgrade, HTTP2-Settings", "Upgrade")],
    ["no Connection: Upgrade", upgradeRequest().replace("Upgrade, ", "")],
    ["HTTP/1.0", upgradeRequest().replace("HTTP/1.1", "HTTP/1.0")],
    ["another protocol", upgradeRequest().replace("h2c", "h3c")],
  ])("is none with %s", async (_what, text) => {
    const peer = client(await listen({ upgrade: true }));
    await peer.send(text).until(() => peer.text.includes("version 1."));
    expect(peer.statuses).toEqual([200]);
  });

  it("is none for a request with a body, which is answered by HTTP/1.1", async () => {
    const peer = client(await listen({ upgrade: true }));
    peer.send(`${upgradeRequest("Content-Length: 2\r\n", "", "POST")}hi`);
    await peer.until(() => peer.text.includes("version 1.1 of web/up"));
    expect(peer.statuses).toEqual([200]);
  });

  it("is none where it is not configured", async () => {
    const peer = client(await listen());
    await peer.send(upgradeRequest()).until(() => peer.text.includes("version 1.1"));
    expect(peer.statuses).toEqual([200]);
  });

  it("is all that HTTP/1.1 is there for: what is neither version's is told so in HTTP/2, and closed", async () => {
    const server = await listenHttp({ http2: own, upgrade: true, port: 0, clock: systemClock });
    closing.push(() => server.close(0));
    for (const sent of ["INVALID CONNECTION PREFACE\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", "\n"]) {
      const peer = client(server);
      peer.send(sent);
      await peer.gone();
      // GOAWAY with PROTOCOL_ERROR, behind the settings.
      const last = received(peer).at(-1);
      expect([last?.type, last?.payload.readUInt32BE(4)], sent).toEqual([7, 1]);
    }
    const old = client(server);
    old.send(http1Get);
    await old.gone();
    expect(old.statuses).toEqual([426]);
  });

  it("is all that HTTP/1.1 is there for where it is not served otherwise", async () => {
    const server = await listenHttp({ http2: own, upgrade: true, port: 0, clock: systemClock });
    closing.push(() => server.close(0));
    const [plain, up, two] = [client(server), client(server), client(server)];
    await plain.send(http1Get).gone();
    expect(plain.text).toMatch(
      /^HTTP\/1.1 426 Upgrade Required\r\nUpgrade: h2c\r\nContent-Length: 0\r\nConnection: close/,
    );
    await up.send(upgradeRequest()).until(() => hasEnded(received(behindSwitch(up)), 1));
    await two.send(http2Get).until(() => hasEnded(received(two), 1));
  });
});

describe("one port with TLS", () => {
  it("serves what the client chose by ALPN, and by its first bytes who chose nothing", async () => {
    const server = await listen({ tls: await newAcceptor() });
    const talk = async (ALPNProtocols: string[] | undefined, text: string | Uint8Array): Promise<string> => {
      const socket = tlsConnect({
        port: server.address.port,
        host: "127.0.0.1",
        rejectUnauthorized: false,
        ...(ALPNProtocols === undefined ? {} : { ALPNProtocols }),
      });
      closing.push(() => socket.destroy());
      let heard = "";
      socket.on("data", (bytes: Buffer) => {
        heard += bytes.toString("latin1");
      });
      socket.on("error", () => {});
      socket.write(text);
      await eventually("it answers", () => /version \S+ of web/.test(heard) || heard);
      return (/version \S+/.exec(heard) as RegExpExecArray)[0];
    };
    expect(await talk(["h2"], http2Get)).toBe("version 2");
    expect(await talk(["http/1.1"], http1Get)).toBe("version 1.1");
    expect(await talk(["h2", "http/1.1"], http2Get)).toBe("version 2");
    expect(await talk(undefined, http2Get)).toBe("version 2");
    expect(await talk(undefined, http1Get)).toBe("version 1.1");
  });
});

describe("what comes by HTTP/2 and goes out by HTTP/1.1", () => {
  /** What reached the backend of a proxy, and how the proxy ended the stream: the code of its reset, or nothing. */
  async function downgraded(
    ...sent: Buffer[]
  ): Promise<{ reached: string[]; code: number | undefined; proxy: Frame[] }> {
    const reached: string[] = [];
    const behind = service(async (req: HttpRequest) => {
      const body = await collectBody(req.body, 1_000_000);
      reached.push(`${req.method} ${req.path} ${body.toString()}`);
      return new HttpResponse(204);
    });
    const backend = await listenHttp1({ service: behind, port: 0, clock: systemClock });
    const out = clientOf(1, backend.address.port);
    const front = forwarding(out.client);
    const proxy = await listen({ http1: front, http2: front });
    closing.push(() => backend.close(0));
    closing.push(() => out.client.close());
    const peer = client(proxy);
    // One that is good comes last, and is answered whatever became of those before.
    peer.send(Buffer.concat([preface, settings, ...sent, headers(99, true, ...get)]));
    await peer.until(() => hasEnded(received(peer), 99) || peer.closed);
    const frames = received(peer);
    const reset = frames.find((each) => each.type === 3 && each.stream === 1);
    return { reached, code: reset?.payload.readUInt32BE(0), proxy: frames };
  }

  const withField = (name: string, value: string): Buffer => {
    const pseudo = get.filter(([each]) => each !== name) as (readonly [string, string])[];
    return name.startsWith(":") ? headers(1, true, ...pseudo, [name, value]) : headers(1, true, ...get, [name, value]);
  };

  it.each([
    ["B20: a path with CRLF", ":path", "/ HTTP/1.1\r\nHost: evil\r\n\r\nGET /x"],
    ["B20: a path with a space", ":path", "/a b"],
    ["B20: a path with NUL", ":path", "/a\0b"],
    ["B20: a path that does not begin with /", ":path", "admin"],
    ["B20: an absolute path", ":path", "http://evil/x"],
    ["B20: an empty path", ":path", ""],
    ["B21: a value with CRLF", "x-one", "1\r\nX-Two: 2"],
    ["B21: a value with LF", "x-one", "1\nX-Two: 2"],
    ["B21: a value with NUL", "x-one", "1\x002"],
    ["B21: a name with CRLF", "x-one: 1\r\nx-two", "2"],
    ["B21: a name with a colon", "x-one:", "2"],
    ["B21: a method with a space", ":method", "GET /x HTTP/1.1\r\n"],
    ["B19: another host than the authority", "host", "evil"],
    ["B19: an authority with CRLF", ":authority", "web\r\nX-Two: 2"],
    ["B19: an authority with a user", ":authority", "evil@web"],
    ["B18: a transfer-encoding", "transfer-encoding", "chunked"],
    ["B18: a connection", "connection", "x-one"],
    ["B18: an upgrade", "upgrade", "websocket"],
    ["B18: te that is not trailers", "te", "gzip"],
  ])("%s is refused before it gets there", async (_what, name, value) => {
    const { reached, code } = await downgraded(withField(name, value));
    expect(code).toBe(1);
    expect(reached).toEqual(["GET / "]);
  });

  it.each([
    ["B22: more content than content-length", "3", "body"],
    ["B22: less content than content-length", "5", "body"],
  ])("%s never looks whole", async (_what, length, content) => {
    const post = get.map(([name, value]) => [name, name === ":method" ? "POST" : value] as const);
    const { reached, code } = await downgraded(
      headers(1, false, ...post, ["content-length", length]),
      frame(0, endStream, 1, Buffer.from(content)),
    );
    expect(code).toBe(1);
    expect(reached).toEqual(["GET / "]);
  });

  it("a path that HTTP/1.1 has no room for is answered and sent nowhere", async () => {
    const { reached } = await downgraded(withField(":path", "/a#b"));
    expect(reached).toEqual(["GET / "]);
  });
});
