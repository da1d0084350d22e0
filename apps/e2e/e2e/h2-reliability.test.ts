import type { ServerHttp2Stream } from "node:http2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answerOf, bodyOf, H2Backend, H2Client, Rst } from "../src/h2.ts";
import { RunningProxy, TempDir } from "../src/proxy.ts";
import { until } from "../src/until.ts";

let backend: H2Backend;
/** Takes one stream of a connection at a time. */
let narrow: H2Backend;
let proxy: RunningProxy;
const clients: H2Client[] = [];
const tries = new Map<string, number>();
let next = 2;
/** The last stream whose answer has begun and is not over. */
let slow: ServerHttp2Stream | undefined;

const at = (port: number): string => `/$/inet/127.1/${port}`;

function router(label: string, dtab: string, extra = "", server = ""): string {
  return `- protocol: h2
  label: ${label}
  dtab: ${dtab}
  servers: [{ port: 0, ip: 127.0.0.${next++}${server} }]
${extra}`;
}

function grpc(kind: string, more = ""): string {
  return `  service: { responseClassifier: { kind: io.l5d.h2.grpc.${kind} }${more} }\n`;
}

async function client(label: string): Promise<H2Client> {
  const made = await H2Client.connect(proxy.at(label));
  clients.push(made);
  return made;
}

/** A message of gRPC's, and its status in the trailers. */
function say(stream: ServerHttp2Stream, text: string, status: number): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () =>
    stream.sendTrailers({ "grpc-status": String(status), "grpc-message": "said", "l5d-dtab": "/x => /y" }),
  );
  stream.end(text);
}

const call = { ":method": "POST", "content-type": "application/grpc", te: "trailers" };

beforeAll(async () => {
  backend = await H2Backend.start((stream, headers) => {
    const path = String(headers[":path"]);
    const n = (tries.get(path) ?? 0) + 1;
    tries.set(path, n);
    if (path.startsWith("/hold")) return;
    void bodyOf(stream).then(
      (body) => {
        if (path.startsWith("/flaky")) say(stream, n === 1 ? "partial" : `whole ${body.toString()}`, n === 1 ? 14 : 0);
        else if (path.startsWith("/long")) say(stream, "x".repeat(20_000), 14);
        else if (path.startsWith("/only")) {
          stream.respond(
            { ":status": 200, "content-type": "application/grpc", "grpc-status": path.slice(6) },
            { endStream: true },
          );
        } else if (path.startsWith("/slow")) {
          stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
          stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "14" }));
          stream.write("begun");
          slow = stream;
        } else say(stream, `echo ${body.toString()}`, 0);
      },
      () => {},
    );
  });
  narrow = await H2Backend.start(
    (stream, headers) => {
      if (headers[":path"] === "/hold") return;
      stream.respond({ ":status": 200 });
      stream.end("narrow");
    },
    { settings: { maxConcurrentStreams: 1 } },
  );
  const one = `/svc/* => ${at(backend.port)}`;
  proxy = await RunningProxy.start(`admin: { port: 0 }
routers:
${router("h2", one)}${router("default", one, grpc("default"))}${router("compliant", one, grpc("compliant"))}${router("never", one, grpc("neverRetryable"))}${router("always", one, grpc("alwaysRetryable", ", retries: { maxRetries: 1 }"))}${router("codes", one, grpc("retryableStatusCodes, retryableStatusCodes: [5], successStatusCodes: [0, 3]", ", retries: { maxRetries: 1 }"))}${router(
  "short",
  one,
  grpc("default", ", retryBufferSize: { requestBytes: 4, responseBytes: 16383 }"),
)}${router("narrow", `/svc/* => ${at(narrow.port)}`)}${router("queue", `/svc/* => ${at(narrow.port)}`, "  client: { hostConnectionPool: { maxSize: 1 } }\n")}${router("clear", one, "", ", clearContext: true")}`);
});

afterAll(async () => {
  for (const each of clients) each.close();
  await proxy?.stop();
  await backend?.stop();
  await narrow?.stop();
});

function retries(label: string, name: string, value: number): Promise<unknown> {
  const counter = `rt/${label}/service/svc/web/retries/${name}`;
  return proxy.metricsWhen((metrics) => metrics[counter] === value);
}

describe("retries of gRPC calls", () => {
  it("go by the trailers: the request is sent again as it was, and nothing of the first answer is seen", async () => {
    const answer = await (await client("default")).ask({ ...call, ":path": "/flaky/1" }, "request");
    expect([answer.body.toString(), answer.trailers?.["grpc-status"], tries.get("/flaky/1")]).toEqual([
      "whole request",
      "0",
      2,
    ]);
    expect(answer.trailers?.["l5d-success-class"]).toBe("1.0");
    await retries("default", "total", 1);
  });

  it("are not made with a request that is longer than what is kept", async () => {
    const answer = await (await client("short")).ask({ ...call, ":path": "/flaky/2" }, "longer than four");
    expect([answer.body.toString(), answer.trailers?.["grpc-status"]]).toEqual(["partial", "14"]);
    expect(answer.trailers?.["l5d-success-class"]).toBe("0.0");
    await retries("short", "request_stream_too_long", 1);
  });

  it("are not made of an answer that is longer than what is kept, which is passed on whole", async () => {
    const answer = await (await client("default")).ask({ ...call, ":path": "/long/1" }, "request");
    expect([answer.body.length, answer.trailers?.["grpc-status"]]).toEqual([20_000, "14"]);
    await retries("default", "response_stream_too_long", 1);
  });

  it("are not made of an answer that takes too long, which is passed on as it comes", async () => {
    const stream = (await client("default")).open({ ...call, ":path": "/slow/1" }, { endStream: false });
    stream.end("request");
    const begun = await new Promise<Buffer>((resolve) => stream.once("data", resolve));
    expect(begun.toString()).toBe("begun");
    await retries("default", "classification_timeout", 1);
    const answer = answerOf(stream);
    slow?.end();
    expect((await answer).trailers?.["grpc-status"]).toBe("14");
  });

  it("B29: know a status in a head that is all of the answer", async () => {
    const ask = async (label: string, status: number) => {
      const path = `/only/${status}`;
      tries.delete(path);
      const answer = await (await client(label)).ask({ ...call, ":path": path }, "x");
      expect([answer.headers["grpc-status"], answer.trailers, answer.body.length]).toEqual([`${status}`, undefined, 0]);
      return [tries.get(path) === 1 ? "once" : "again", answer.headers["l5d-success-class"]];
    };
    expect(await ask("default", 0)).toEqual(["once", "1.0"]);
    expect(await ask("default", 5)).toEqual(["once", "0.0"]);
    expect(await ask("never", 14)).toEqual(["once", "0.0"]);
    expect(await ask("always", 5)).toEqual(["again", "0.0"]);
    expect(await ask("codes", 14)).toEqual(["once", "0.0"]);
    expect(await ask("codes", 5)).toEqual(["again", "0.0"]);
    expect(await ask("codes", 3)).toEqual(["once", "1.0"]);
  });
});

describe("what a router does with streams", () => {
  it("B30: keeps grpc-status in trailers, and takes l5d-* out of them, both ways", async () => {
    const answer = await (await client("h2")).ask({ ...call }, "x", { "l5d-dtab": "/a => /b", "x-kept": "1" });
    expect([answer.trailers?.["grpc-status"], answer.trailers?.["grpc-message"]]).toEqual(["0", "said"]);
    expect(answer.trailers?.["l5d-dtab"]).toBeUndefined();
    const cleared = await (await client("clear")).ask({ ...call }, "x");
    expect(Object.keys(cleared.trailers ?? {}).filter((name) => name.startsWith("l5d-"))).toEqual([]);
    expect(cleared.trailers?.["grpc-status"]).toBe("0");
  });

  it("C4: with clearContext drops every l5d header of a request and of its answer", async () => {
    const before = backend.received.length;
    const { headers } = await (await client("clear")).ask({
      ...call,
      ":path": "/only/0",
      "l5d-dtab": "/svc => /nobody",
      "l5d-ctx-trace": "AAAA",
      "l5d-sample": "1.0",
    });
    expect(Object.keys(headers).filter((name) => name.startsWith("l5d-"))).toEqual([]);
    expect([headers[":status"], backend.received[before]?.["l5d-sample"]]).toEqual([200, undefined]);
  });

  it("B34: resets the backend's stream when the client resets its own, and the reverse, and counts both", async () => {
    const one = await client("h2");
    for (const from of ["client", "backend"] as const) {
      const before = backend.streams.length;
      const stream = one.open({ ":path": `/hold/${from}`, ":method": "POST" }, { endStream: false });
      await until(() => backend.streams.length > before, "the request");
      const there = backend.streams[before] as ServerHttp2Stream;
      const [first, other] = from === "client" ? [stream, there] : [there, stream];
      const closed = new Promise((resolve) => other.once("close", resolve));
      first.close(Rst.cancel);
      await closed;
      expect(other.rstCode).toBe(Rst.cancel);
    }
    const scope = `rt/h2/client/$/inet/127.1/${backend.port}`;
    await proxy.metricsWhen(
      (metrics) =>
        metrics[`${scope}/stream/remote/reset/CANCEL`] === 1 &&
        metrics[`${scope}/stream/local/reset/CANCEL`] === 1 &&
        metrics[`rt/h2/server/${proxy.at("h2").ip}/0/stream/remote/reset/CANCEL`] === 2,
    );
  });

  it("B33: answers a client that closed its half long ago", async () => {
    const stream = (await client("h2")).open({ ...call, ":path": "/slow/late" }, { endStream: false });
    stream.end("x");
    await new Promise((resolve) => stream.once("data", resolve));
    const answer = answerOf(stream);
    slow?.end("late");
    expect((await answer).body.toString()).toBe("late");
  });

  it("B27: brings a second connection to a backend that takes one stream at a time, or waits, and nobody sees an error", async () => {
    const answers = await Promise.all(
      ["narrow", "queue"].map(async (label) => {
        const one = await client(label);
        return Promise.all(Array.from({ length: 20 }, () => one.ask()));
      }),
    );
    for (const { status, body } of answers.flat()) expect([status, body.toString()]).toEqual([200, "narrow"]);
    const connects = (metrics: Readonly<Record<string, number>>, label: string) =>
      metrics[`rt/${label}/client/$/inet/127.1/${narrow.port}/connects`] ?? 0;
    const metrics = await proxy.metrics();
    expect(connects(metrics, "queue")).toBe(1);
    expect(connects(metrics, "narrow")).toBeGreaterThan(1);
  });

  it("B26: sends again elsewhere what a backend that goes away has not processed, and lets the rest end", async () => {
    const disco = new TempDir();
    const held: ServerHttp2Stream[] = [];
    let left = 0;
    const leaving = await H2Backend.start((stream, headers) => {
      if (headers[":path"] === "/first") {
        held.push(stream);
        return;
      }
      // Streams above the first were never processed, and nobody can come again.
      left++;
      leaving.server.close();
      stream.session?.goaway(0, held[0]?.id);
    });
    disco.write("web", `127.0.0.1 ${leaving.port}\n`);
    const own = await RunningProxy.start(`admin: { port: 0 }
namers: [{ kind: io.l5d.fs, rootDir: ${disco.path} }]
routers:
- protocol: h2
  dtab: /svc => /#/io.l5d.fs
  client: { loadBalancer: { kind: roundRobin } }
  servers: [{ port: 0 }]
`);
    const one = await H2Client.connect(own.at("h2"));
    const first = one.ask({ ":path": "/first" });
    await until(() => held.length > 0, "the first request");
    disco.write("web", `127.0.0.1 ${leaving.port}\n127.0.0.1 ${backend.port}\n`);
    await own.metricsWhen((metrics) => metrics["rt/h2/client/#/io.l5d.fs/web/loadbalancer/size"] === 2);
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => one.ask({ ...call }, `again ${i}`)));
    expect(left).toBeGreaterThan(0);
    for (const [i, { status, body }] of answers.entries()) {
      expect([status, body.toString()]).toEqual([200, `echo again ${i}`]);
    }
    held[0]?.respond({ ":status": 200 });
    held[0]?.end("the first");
    expect((await first).body.toString()).toBe("the first");
    const metrics = await own.metrics();
    expect(metrics["rt/h2/client/#/io.l5d.fs/web/retries/requeues"]).toBeGreaterThan(0);
    one.close();
    await own.stop();
    for (const session of leaving.sessions) session.destroy();
    disco.remove();
  });
});
