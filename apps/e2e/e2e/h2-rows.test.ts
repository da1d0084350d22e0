import { existsSync, readFileSync } from "node:fs";
import type { ServerHttp2Stream } from "node:http2";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answerOf, bodyOf, H2Backend, H2Client, Rst } from "../src/h2.ts";
import { RunningProxy, TempDir } from "../src/proxy.ts";
import { until } from "../src/until.ts";

/** What Linkerd's own end-to-end tests of h2 assert, over the real process. Each title is that of a test of theirs. */

const dir = new TempDir();
let backend: H2Backend;
let proxy: RunningProxy;
/** Streams that a test drives itself. */
const held: ServerHttp2Stream[] = [];
const clients: H2Client[] = [];
let next = 2;

const log = (name: string): string => join(dir.path, name);

/** A router of its own address, since ports are free ones. */
function router(label: string, extra = "", server = ""): string {
  return `- protocol: h2
  label: ${label}
  dtab: /svc/* => /$/inet/127.1/${backend.port}
  servers: [{ port: 0, ip: 127.0.0.${next++}${server} }]
${extra}`;
}

function classifier(kind: string): string {
  return `  service: { responseClassifier: { kind: io.l5d.h2.${kind} } }\n`;
}

async function client(label: string): Promise<H2Client> {
  const made = await H2Client.connect(proxy.at(label));
  clients.push(made);
  return made;
}

/** The next stream that is held, at the backend. */
async function theHeld(): Promise<ServerHttp2Stream> {
  await until(() => held.length > 0, "the request");
  return held.shift() as ServerHttp2Stream;
}

/** How often a path was asked for. */
const seen = new Map<string, number>();

beforeAll(async () => {
  backend = await H2Backend.start((stream, headers) => {
    const path = String(headers[":path"]);
    const count = (seen.get(path) ?? 0) + 1;
    seen.set(path, count);
    if (path.startsWith("/hold")) {
      held.push(stream);
      return;
    }
    if (path.startsWith("/empty/")) stream.respond({ ":status": Number(path.slice(7)) }, { endStream: true });
    else if (path.startsWith("/flaky")) {
      stream.respond({ ":status": count % 2 === 1 ? 500 : 200 }, { endStream: true });
    } else if (path === "/trailers") {
      stream.respond({ ":status": 200 }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-last": "1" }));
      stream.write("aaaaaaaa");
      stream.end("bbbbb");
    } else if (path === "/echo") {
      stream.respond({ ":status": 200 });
      stream.pipe(stream);
    } else if (path === "/swallow") {
      void bodyOf(stream).then((body) => {
        stream.respond({ ":status": 200 });
        stream.end(String(body.length));
      });
    } else if (path.startsWith("/bytes/")) {
      stream.respond({ ":status": 200 });
      stream.end(Buffer.alloc(Number(path.slice(7)), "x"));
    } else {
      stream.respond({ ":status": 200 });
      stream.end("woof");
    }
  });
  proxy = await RunningProxy.start(`admin: { port: 0 }
routers:
${router("h2", "  experimental: true\n")}${router("router0", `  h2AccessLog: ${log("log0")}\n`)}${router("router1", `  h2AccessLog: ${log("log1")}\n`)}${router("idle", "  client: { clientSession: { idleTimeMs: 1500 } }\n")}${router("idleStatic", '  client: { kind: io.l5d.static, configs: [{ prefix: "/*", clientSession: { idleTimeMs: 1500 } }] }\n')}${router("hops", "", ", maxCallDepth: 2")}${router("read", classifier("retryableRead5XX"))}${router("all", classifier("retryableAll5XX"))}${router("successful", classifier("allSuccessful"))}${router("never", classifier("nonRetryable5XX"))}${router(
  "each",
  `  service:
    kind: io.l5d.static
    configs:
    - { prefix: /svc/a, responseClassifier: { kind: io.l5d.h2.retryableRead5XX } }
    - { prefix: /svc/b, responseClassifier: { kind: io.l5d.h2.nonRetryable5XX } }
`,
)}`);
});

afterAll(async () => {
  for (const each of clients) each.close();
  await proxy?.stop();
  await backend?.stop();
  dir.remove();
});

const clientScope = (label: string): string => `rt/${label}/client/$/inet/127.1/${backend.port}`;
const serverScope = (label: string): string => {
  const { ip } = proxy.at(label);
  return `rt/${label}/server/${ip}/0`;
};

/** Each of these counters has that value, at last. */
function counters(expected: Readonly<Record<string, number>>): Promise<unknown> {
  return proxy.metricsWhen((metrics) =>
    Object.entries(expected).every(([name, value]) => (metrics[name] ?? 0) === value),
  );
}

describe("H2EndToEndTest", () => {
  it("single request", async () => {
    const { status, body } = await (await client("h2")).ask({ ":authority": "dog" });
    expect([status, body.toString()]).toEqual([200, "woof"]);
    await counters({ [`${clientScope("h2")}/connects`]: 1 });
  });

  it("concurrent requests", async () => {
    const one = await client("h2");
    const first = one.ask({ ":path": "/hold/1" });
    const firstStream = await theHeld();
    const second = one.ask({ ":path": "/hold/2" });
    const there = await theHeld();
    there.respond({ ":status": 200 });
    there.end("bow");
    expect((await second).body.toString()).toBe("bow");
    firstStream.respond({ ":status": 200 });
    firstStream.end("wow");
    expect((await first).body.toString()).toBe("wow");
    await counters({ [`${clientScope("h2")}/connects`]: 1 });
  });

  it("wait for stream to complete before closing", async () => {
    const answer = (await client("h2")).ask({ ":path": "/hold/3" });
    const there = await theHeld();
    there.respond({ ":status": 200 });
    there.write("bow");
    await new Promise((resolve) => setImmediate(resolve));
    there.end("wow");
    expect((await answer).body.toString()).toBe("bowwow");
  });

  it("logs to correct files", async () => {
    for (const [i, path] of ["/path0", "/path1", "/path2", "/path3"].entries()) {
      const name = `router${i % 2}`;
      expect((await (await client(name)).ask({ ":authority": "dog", ":path": path, referer: "r" })).status).toBe(200);
      const file = log(`log${i % 2}`);
      await until(() => existsSync(file) && readFileSync(file, "latin1").includes(path), `${path} in ${file}`);
    }
    const lines = readFileSync(log("log0"), "latin1").trim().split("\n");
    expect(lines.length).toBe(2);
    expect(lines[0]).toMatch(
      /^dog 127\.0\.0\.1 - - \[\d\d\/\d\d\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET \/path0 HTTP\/2" 200 - "r" "-"$/,
    );
  });

  it.each([
    ["clientSession idleTimeMs should close client connections", "idle", 0],
    ["clientSession idleTimeMs should close client connections for static client", "idleStatic", 0],
    ["clientSession idleTimeMs should not close client connections when isn't specified", "h2", 1],
  ])("%s", async (_title, label, left) => {
    expect((await (await client(label)).ask()).status).toBe(200);
    const gauge = `${clientScope(label)}/connections`;
    await proxy.metricsWhen((metrics) => metrics[gauge] === left);
  });

  it("client resets server stream", async () => {
    const stream = (await client("h2")).open({ ":path": "/hold/4" });
    const there = await theHeld();
    there.respond({ ":status": 200 });
    there.write("one");
    const chunk = await new Promise<Buffer>((resolve) => stream.once("data", resolve));
    expect(chunk.toString()).toBe("one");
    stream.close(Rst.cancel);
    await until(() => there.destroyed, "the end of the backend's stream");
    expect(there.rstCode).toBe(Rst.cancel);
  });

  it("server resets client stream", async () => {
    const stream = (await client("h2")).open({ ":path": "/hold/5", ":method": "POST" }, { endStream: false });
    stream.write("some");
    const there = await theHeld();
    there.close(Rst.cancel);
    expect((await answerOf(stream)).rstCode).toBe(Rst.cancel);
  });

  it("context headers", async () => {
    const before = backend.received.length;
    const answer = await (await client("h2")).ask({ ":authority": "dog", "l5d-dtab": "/a => /b" });
    expect(answer.status).toBe(200);
    const headers = backend.received[before];
    expect(headers?.["l5d-dtab"]).toBeUndefined();
    expect(headers?.["l5d-ctx-dtab"]).toBe("/a=>/b");
    expect(headers?.["l5d-ctx-trace"]).toMatch(/^[A-Za-z0-9+/=]{44,}$/);
  });

  it("diagnostic tracing with h2 request", async () => {
    const { status, body } = await (await client("h2")).ask({
      ":authority": "dog",
      ":method": "TRACE",
      "max-forwards": "5",
      "l5d-add-context": "true",
    });
    expect(status).toBe(200);
    expect(body.toString()).toMatch(
      new RegExp(
        `^woof\\n--- Router: h2 ---\\nrequest duration: \\d+ ms\\nservice name: /svc/dog\\n` +
          `client name: /\\$/inet/127\\.1/${backend.port}\\naddresses: \\[127\\.0\\.0\\.1:${backend.port}\\]\\n` +
          `selected address: 127\\.0\\.0\\.1:${backend.port}\\ndtab resolution:\\n  /svc/dog[^]*\\n$`,
      ),
    );
    const none = await (await client("h2")).ask({ ":method": "TRACE", "max-forwards": "0" });
    expect([none.status, none.body.length]).toEqual([200, 0]);
  });

  it("returns 400 for requests that have more than allowed hops", async () => {
    const one = await client("hops");
    expect((await one.ask({ via: "h2 a, h2 b" })).status).toBe(200);
    const answer = await one.ask({ via: "h2 a, h2 b, h2 c" });
    expect([answer.status, answer.body.toString()]).toEqual([
      400,
      "Maximum number of calls (2) has been exceeded. Please check for proxy loops.",
    ]);
    expect(answer.headers["l5d-err"]).toContain("Maximum+number+of+calls");
  });
});

describe("StreamClassificationEndToEndTest", () => {
  it("success", async () => {
    const { body } = await (await client("read")).ask({ ":authority": "foo" });
    expect(body.toString()).toBe("woof");
    const server = serverScope("read");
    await counters({
      [`${server}/requests`]: 1,
      [`${server}/success`]: 1,
      [`${server}/request/stream/stream_success`]: 1,
      [`${server}/response/stream/stream_success`]: 1,
      [`${server}/stream/stream_success`]: 1,
      "rt/read/service/svc/foo/success": 1,
      "rt/read/service/svc/foo/stream/stream_success": 1,
      [`${clientScope("read")}/success`]: 1,
      [`${clientScope("read")}/service/svc/foo/success`]: 1,
      [`${clientScope("read")}/service/svc/foo/response/stream/stream_success`]: 1,
    });
  });

  it("non-retryable failure", async () => {
    const answer = await (await client("read")).ask({ ":authority": "bar", ":method": "POST", ":path": "/empty/500" });
    expect(answer.status).toBe(500);
    await counters({
      "rt/read/service/svc/bar/failures": 1,
      "rt/read/service/svc/bar/response/stream/stream_success": 1,
      [`${clientScope("read")}/service/svc/bar/failures`]: 1,
      "rt/read/service/svc/bar/retries/total": 0,
    });
  });

  it("retryable all failure", async () => {
    const answer = await (await client("all")).ask(
      { ":authority": "foo", ":method": "POST", ":path": "/flaky/1" },
      "x",
    );
    expect(answer.status).toBe(200);
    await counters({
      [`${serverScope("all")}/success`]: 1,
      [`${serverScope("all")}/failures`]: 0,
      "rt/all/service/svc/foo/success": 1,
      "rt/all/service/svc/foo/failures": 0,
      "rt/all/service/svc/foo/retries/total": 1,
      [`${clientScope("all")}/service/svc/foo/success`]: 1,
      [`${clientScope("all")}/service/svc/foo/failures`]: 1,
    });
  });

  it("retryable failure", async () => {
    const answer = await (await client("read")).ask({ ":authority": "baz", ":path": "/flaky/2" });
    expect(answer.status).toBe(200);
    await counters({
      "rt/read/service/svc/baz/success": 1,
      "rt/read/service/svc/baz/failures": 0,
      [`${clientScope("read")}/service/svc/baz/success`]: 1,
      [`${clientScope("read")}/service/svc/baz/failures`]: 1,
    });
  });

  it("per service classification", async () => {
    const one = await client("each");
    expect((await one.ask({ ":authority": "a", ":path": "/flaky/3" })).status).toBe(200);
    expect((await one.ask({ ":authority": "b", ":path": "/flaky/4" })).status).toBe(500);
    await counters({
      "rt/each/service/svc/a/success": 1,
      "rt/each/service/svc/a/failures": 0,
      [`${clientScope("each")}/service/svc/a/failures`]: 1,
      "rt/each/service/svc/b/success": 0,
      "rt/each/service/svc/b/failures": 1,
      [`${clientScope("each")}/service/svc/b/failures`]: 1,
    });
  });

  it("client stats use service response classifier", async () => {
    expect((await (await client("successful")).ask({ ":authority": "foo", ":path": "/empty/500" })).status).toBe(500);
    expect((await (await client("never")).ask({ ":authority": "foo", ":path": "/empty/500" })).status).toBe(500);
    await counters({
      [`${clientScope("successful")}/service/svc/foo/success`]: 1,
      [`${clientScope("successful")}/service/svc/foo/failures`]: 0,
      [`${clientScope("never")}/service/svc/foo/success`]: 0,
      [`${clientScope("never")}/service/svc/foo/failures`]: 1,
    });
  });

  it("server stats use service response classifier", async () => {
    await counters({
      [`${serverScope("successful")}/success`]: 1,
      [`${serverScope("successful")}/failures`]: 0,
      [`${serverScope("never")}/success`]: 0,
      [`${serverScope("never")}/failures`]: 1,
    });
  });

  it("classifier filter sets l5d-success-class headers", async () => {
    const answer = await (await client("successful")).ask({ ":path": "/empty/200" });
    expect([answer.headers["l5d-success-class"], answer.trailers]).toEqual(["1.0", undefined]);
    const failed = await (await client("never")).ask({ ":path": "/empty/503" });
    expect(failed.headers["l5d-success-class"]).toBe("0.0");
  });

  it("classifier filter sets l5d-success-class headers in stream trailers", async () => {
    const { headers, trailers, body } = await (await client("successful")).ask({ ":path": "/trailers" });
    expect(headers["l5d-success-class"]).toBeUndefined();
    expect([trailers?.["l5d-success-class"], trailers?.["x-last"]]).toEqual(["1.0", "1"]);
    expect(body.toString()).toBe("aaaaaaaabbbbb");
  });
});

describe("RouterEndToEndTest", () => {
  it("simple prior knowledge", async () => {
    const one = await client("h2");
    const before = backend.received.length;
    for (const authority of ["felix", "clifford"])
      expect((await one.ask({ ":authority": authority })).status).toBe(200);
    const found = backend.received.slice(before).map((headers) => headers["l5d-dst-service"]);
    expect(found).toEqual(["/svc/felix", "/svc/clifford"]);
  });

  it("resets downstream on upstream cancelation", async () => {
    const stream = (await client("h2")).open({ ":path": "/hold/6" });
    const there = await theHeld();
    const answer = answerOf(stream);
    stream.close(Rst.cancel);
    await until(() => there.destroyed, "the end of the backend's stream");
    expect([there.rstCode, (await answer).rstCode]).toEqual([Rst.cancel, Rst.cancel]);
  });

  it("resets downstream on upstream disconnect", async () => {
    const one = await client("h2");
    const stream = one.open({ ":path": "/hold/7", ":method": "POST" }, { endStream: false });
    stream.write("boop");
    const there = await theHeld();
    one.close();
    await until(() => there.destroyed, "the end of the backend's stream");
    expect(there.rstCode).not.toBe(0);
  });

  it("resets upstream on downstream failure", async () => {
    const stream = (await client("h2")).open({ ":path": "/hold/8", ":method": "POST" }, { endStream: false });
    stream.write("more than can be kept".repeat(1000));
    const there = await theHeld();
    there.close(Rst.refused);
    expect((await answerOf(stream)).rstCode).toBe(Rst.refused);
  });
});

describe("ConcurrentStreamsEndToEndTest", () => {
  it.each([
    [1, 1],
    [98_304, 16_384],
  ])("8 parallel echo streams of %i bytes, in frames of %i, in lock-step", async (bytes, frame) => {
    const one = await client("h2");
    const streams = Array.from({ length: 8 }, () =>
      one.open({ ":path": "/echo", ":method": "POST" }, { endStream: false }),
    );
    const answers = streams.map(answerOf);
    const chunks = Array.from({ length: Math.ceil(bytes / frame) }, (_, i) => Buffer.alloc(frame, 97 + i));
    for (const chunk of chunks) {
      await Promise.all(
        streams.map(async (stream) => {
          let got = 0;
          const echoed = new Promise<void>((resolve) => {
            const take = (each: Buffer): void => {
              got += each.length;
              if (got < chunk.length) return;
              stream.off("data", take);
              resolve();
            };
            stream.on("data", take);
          });
          stream.write(chunk);
          await echoed;
        }),
      );
    }
    for (const stream of streams) stream.end();
    for (const { body } of await Promise.all(answers)) expect(body.equals(Buffer.concat(chunks))).toBe(true);
  });
});

describe("FlowControlEndToEndTest", () => {
  const total = 3 * 65_535;

  /** Bytes flow until nobody takes more of them: the counter is above a window, and stays as it is. */
  async function stalls(counter: string): Promise<void> {
    let before = -1;
    await until(async () => {
      const now = (await proxy.metrics())[counter] ?? 0;
      const isStill = now === before && now > 65_535;
      before = now;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return isStill;
    }, `${counter} to stand still`);
  }

  it("client/server request flow control", async () => {
    const stream = (await client("h2")).open({ ":path": "/hold/9", ":method": "POST" }, { endStream: false });
    let written = false;
    stream.write(Buffer.alloc(total + 65_535 * 4, 1), () => {
      written = true;
    });
    const there = await theHeld();
    await stalls(`${clientScope("h2")}/sent_bytes`);
    expect(written).toBe(false);
    const body = bodyOf(there);
    stream.end();
    expect((await body).length).toBe(total + 65_535 * 4);
    expect(written).toBe(true);
    there.respond({ ":status": 200 }, { endStream: true });
  });

  it("client/server response flow control", async () => {
    const stream = (await client("h2")).open({ ":path": "/hold/10" });
    stream.pause();
    const there = await theHeld();
    let written = false;
    there.respond({ ":status": 200 });
    there.write(Buffer.alloc(total + 65_535 * 4, 1), () => {
      written = true;
    });
    there.end();
    await stalls(`${clientScope("h2")}/received_bytes`);
    expect(written).toBe(false);
    const answer = answerOf(stream);
    stream.resume();
    expect((await answer).body.length).toBe(total + 65_535 * 4);
  });
});

describe("LargeStreamEndToEndTest", () => {
  it("client/server 131072B request stream", async () => {
    const { body } = await (await client("h2")).ask({ ":path": "/swallow", ":method": "POST" }, Buffer.alloc(131_072));
    expect(body.toString()).toBe("131072");
  });

  it("client/server 131072B response stream", async () => {
    expect((await (await client("h2")).ask({ ":path": "/bytes/131072" })).body.length).toBe(131_072);
  });
});
