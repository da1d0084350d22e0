import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../src/free-port.ts";
import { H2Backend, H2Client, Rst } from "../src/h2.ts";
import { RunningProxy } from "../src/proxy.ts";
import { Flag, FrameType, frame, literals, RawH2 } from "../src/raw-h2.ts";
import { until } from "../src/until.ts";

let backend: H2Backend;
/** Takes connections, and closes each when something comes. */
let rude: Server;
let proxy: RunningProxy;
const clients: H2Client[] = [];
let next = 2;
const prefaceBytes = 24;
let beginsToAnswer = false;

function router(label: string, server = "", extra = ""): string {
  return `- protocol: h2
  label: ${label}
  dtab: |
    /svc/* => /$/inet/127.1/${backend.port} ;
    /svc/nobody => ! ;
    /svc/gone => /$/inet/127.1/{gone} ;
    /svc/rude => /$/inet/127.1/{rude} ;
    /svc/teapot => /$/io.buoyant.http.status/418 ;
  servers: [{ port: 0, ip: 127.0.0.${next++}${server} }]
${extra}`;
}

async function client(label = "h2"): Promise<H2Client> {
  const made = await H2Client.connect(proxy.at(label));
  clients.push(made);
  return made;
}

beforeAll(async () => {
  backend = await H2Backend.start((stream, headers) => {
    const path = String(headers[":path"]);
    if (path === "/hold") return;
    if (path.startsWith("/rst/")) {
      stream.close(Number(path.slice(5)));
      return;
    }
    stream.respond({ ":status": 200 });
    stream.end("ok");
  });
  rude = createServer((socket) => {
    socket.on("error", () => {});
    // A server of HTTP/2 up to its settings, which leaves with the first request.
    socket.write(frame(FrameType.settings, 0, 0));
    let got: Buffer = Buffer.alloc(0);
    socket.on("data", (bytes: Buffer) => {
      got = Buffer.concat([got, bytes]);
      for (let at = prefaceBytes; at + 9 <= got.length; at += 9 + got.readUIntBE(at, 3)) {
        if (got[at + 3] !== FrameType.headers) continue;
        if (!beginsToAnswer) {
          socket.destroy();
          return;
        }
        beginsToAnswer = false;
        const id = got.readUInt32BE(at + 5);
        socket.end(
          Buffer.concat([
            frame(FrameType.headers, Flag.endHeaders, id, Buffer.from([0x88])),
            frame(FrameType.data, 0, id, Buffer.from("some")),
          ]),
        );
      }
    });
  });
  await new Promise<void>((resolve) => rude.listen(0, "127.0.0.1", resolve));
  const gone = await freePort();
  const text = `admin: { port: 0 }
routers:
${router("h2")}${router("named", "", "  identifier: { kind: io.l5d.header.token, header: x-name }\n")}${router("one", ", maxConcurrentRequests: 1")}${router("streams", ", maxConcurrentStreamsPerConnection: 1")}${router("late", ", timeoutMs: 100")}`;
  proxy = await RunningProxy.start(
    text.replaceAll("{gone}", String(gone)).replaceAll("{rude}", String((rude.address() as { port: number }).port)),
  );
});

afterAll(async () => {
  for (const each of clients) each.close();
  await proxy?.stop();
  await backend?.stop();
  rude?.close();
});

describe("a call that fails in an h2 router", () => {
  it("is refused as a stream when no identifier has a name for it", async () => {
    expect((await (await client("named")).ask()).rstCode).toBe(Rst.refused);
    expect((await (await client("named")).ask({ "x-name": "web" })).status).toBe(200);
  });

  it("is answered 502 with l5d-err and the same text as by http when nobody is there", async () => {
    const one = await client();
    const none = await one.ask({ ":authority": "nobody" });
    expect([none.status, none.headers["content-type"]]).toEqual([502, "text/plain"]);
    expect(none.body.toString()).toMatch(/^Unable to route request!\n\nservice name: \/svc\/nobody\n/);
    expect(none.headers["l5d-err"]).toMatch(/^Unable\+to\+route\+request/);
    const gone = await one.ask({ ":authority": "gone" });
    expect(gone.status).toBe(502);
    expect(gone.body.toString()).toMatch(/^Unable to establish connection to 127\.0\.0\.1:\d+/);
    expect([none.headers["via"], none.headers["l5d-success-class"]]).toEqual([undefined, undefined]);
  });

  it("is answered 400 when its own delegations do not parse", async () => {
    const { status, headers } = await (await client()).ask({ "l5d-dtab": "what" });
    expect([status, typeof headers["l5d-err"]]).toEqual([400, "string"]);
  });

  it("is refused as a stream beyond the requests of a server, and beyond the streams of a connection", async () => {
    for (const label of ["one", "streams"]) {
      const it = await client(label);
      const before = backend.received.length;
      const first = it.open({ ":path": "/hold" });
      await until(() => backend.received.length > before, "the first request");
      // Node's client keeps to the limit by itself, so what goes beyond it is written by hand.
      const raw = new RawH2(proxy.at(label));
      if (label === "one") raw.send(frame(FrameType.headers, Flag.endStream | Flag.endHeaders, 1, get("/")));
      else {
        raw.send(
          frame(FrameType.headers, Flag.endStream | Flag.endHeaders, 1, get("/hold")),
          frame(FrameType.headers, Flag.endStream | Flag.endHeaders, 3, get("/")),
        );
      }
      const stream = label === "one" ? 1 : 3;
      await until(() => raw.resetOf(stream) !== undefined, "the refusal");
      expect(raw.resetOf(stream)).toBe(Rst.refused);
      raw.close();
      first.close(Rst.cancel);
    }
  });

  it("is reset with INTERNAL_ERROR when its time is up, and when the backend breaks off", async () => {
    expect((await (await client("late")).ask({ ":path": "/hold" })).rstCode).toBe(Rst.internal);
    expect((await (await client()).ask({ ":authority": "rude", ":path": "/leave" })).rstCode).toBe(Rst.internal);
    beginsToAnswer = true;
    const broken = await (await client()).ask({ ":authority": "rude" });
    expect([broken.status, broken.body.toString(), broken.rstCode]).toEqual([200, "some", Rst.internal]);
  });

  it("is reset with the code of the backend", async () => {
    for (const code of [1, 2, 8, 11]) {
      expect((await (await client()).ask({ ":path": `/rst/${code}`, ":method": "POST" }, "x")).rstCode).toBe(code);
    }
  });

  it("fails requests with connection-headers", async () => {
    for (const field of [
      ["connection", "close"],
      ["keep-alive", "5"],
      ["proxy-connection", "close"],
      ["transfer-encoding", "chunked"],
      ["upgrade", "h2c"],
      ["te", "gzip"],
    ]) {
      const raw = new RawH2(proxy.at("h2"));
      raw.send(frame(FrameType.headers, Flag.endStream | Flag.endHeaders, 1, get("/", ...field)));
      await until(() => raw.resetOf(1) !== undefined, "the reset");
      expect([field[0], raw.resetOf(1)]).toEqual([field[0], Rst.protocol]);
      raw.close();
    }
  });

  it("gets the status of an endpoint that is one", async () => {
    const { status, headers } = await (await client()).ask({ ":authority": "teapot" });
    expect([status, headers["via"]]).toEqual([418, "h2 linkerd"]);
  });
});

describe("a call of gRPC that fails", () => {
  const grpc = { ":method": "POST", "content-type": "application/grpc+proto", te: "trailers" };

  it.each([
    ["nobody is named by it", "nobody", "/", "5", /^Unable to route request!/],
    ["nobody answers at the address", "gone", "/", "14", /^Unable to establish connection/],
    ["the backend breaks off", "rude", "/leave", "14", /closed the connection/],
  ])("has a status and a message in a head that is all of it: %s", async (_why, authority, path, status, message) => {
    const answer = await (await client()).ask({ ...grpc, ":authority": authority, ":path": path }, "x");
    expect([answer.status, answer.headers["grpc-status"], answer.rstCode]).toEqual([200, status, 0]);
    expect(decodeURIComponent(String(answer.headers["grpc-message"]))).toMatch(message);
    expect([answer.headers["content-type"], answer.body.length, answer.trailers]).toEqual([
      "application/grpc",
      0,
      undefined,
    ]);
    expect(answer.headers["l5d-err"]).toBeDefined();
  });

  it("is 4 when its time is up, 3 when its delegations do not parse, 5 without a name, 8 beyond a limit", async () => {
    const statusOf = async (label: string, headers: object) =>
      (await (await client(label)).ask({ ...grpc, ...headers }, "x")).headers["grpc-status"];
    expect(await statusOf("late", { ":path": "/hold" })).toBe("4");
    expect(await statusOf("h2", { "l5d-dtab": "what" })).toBe("3");
    expect(await statusOf("named", {})).toBe("5");
    const before = backend.received.length;
    const first = (await client("one")).open({ ":path": "/hold" });
    await until(() => backend.received.length > before, "the first request");
    expect(await statusOf("one", {})).toBe("8");
    first.close(Rst.cancel);
  });

  it("is reset with the code of the backend all the same", async () => {
    expect((await (await client()).ask({ ...grpc, ":path": "/rst/8" }, "x")).rstCode).toBe(Rst.cancel);
  });

  it("has its own deadline kept: grpc-timeout reaches the backend, and ends the call with 4", async () => {
    const before = backend.received.length;
    const answer = await (await client()).ask({ ...grpc, ":path": "/hold", "grpc-timeout": "100m" }, "x");
    expect(answer.headers["grpc-status"]).toBe("4");
    expect(backend.received[before]?.["grpc-timeout"]).toBe("100m");
    expect(backend.received[before]?.["te"]).toBe("trailers");
    const stream = backend.streams[before];
    await until(() => stream?.destroyed === true, "the end of the backend's stream");
    expect(stream?.rstCode).toBe(Rst.cancel);
  });
});

/** The header block of a GET. */
function get(path: string, ...more: readonly string[]): Buffer {
  return literals(":method", "GET", ":scheme", "http", ":authority", "web", ":path", path, ...more);
}
