import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { H2Backend, H2Client } from "../src/h2.ts";
import { RunningProxy } from "../src/proxy.ts";
import type { Target } from "../src/raw-http.ts";
import { until } from "../src/until.ts";

/** Interim responses through the real process, between raw sockets and Node's HTTP/2. */

/** What a backend says to one request. */
interface Answering {
  interim(status: number, headers: Readonly<Record<string, string>>): void;
  answer(status: number, body: string): void;
}

/** What backends do, by path; `n` says how often that path was asked for. */
const plays = new Map<string, (to: Answering, n: number) => void>();
const counts = new Map<string, number>();

function play(path: string, to: Answering): void {
  const n = (counts.get(path) ?? 0) + 1;
  counts.set(path, n);
  plays.get(path)?.(to, n);
}

let asked = 0;
/** A path of its own, which does this. */
function playing(act: (to: Answering, n: number) => void): string {
  const path = `/${++asked}`;
  plays.set(path, act);
  return path;
}

const sockets: Socket[] = [];

/** Answers each request head, with leave for its body where it wants that. */
function http1Backend(): Promise<Server> {
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      for (;;) {
        const end = text.indexOf("\r\n\r\n");
        if (end === -1) return;
        const head = text.slice(0, end);
        const path = /^\S+ (\S+)/.exec(head)?.[1];
        text = text.slice(end + 4);
        if (path === undefined || !head.includes("HTTP/1.1")) return;
        play(path, {
          interim: (status, headers) => {
            const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
            socket.write(`HTTP/1.1 ${status} Whatever\r\n${lines.join("")}\r\n`, "latin1");
          },
          answer: (status, body) =>
            socket.write(`HTTP/1.1 ${status} X\r\nContent-Length: ${body.length}\r\n\r\n${body}`, "latin1"),
        });
      }
    });
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

function onHttp2(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  stream.resume();
  play(headers[":path"] as string, {
    interim: (status, given) => {
      if (stream.destroyed) return;
      const { Connection: _h1, ...rest } = given;
      stream.additionalHeaders({ ":status": status, ...rest });
    },
    answer: (status, body) => {
      if (stream.destroyed) return;
      stream.respond({ ":status": status });
      stream.end(body);
    },
  });
}

/** What a caller hears, in order: heads as a status and the headers in question, and the body of the last. */
class Heard {
  readonly heads: string[] = [];
  body = "";
  over = false;
}

const shownNames = ["link", "x-one", "x-hop", "content-length", "connection"];
function shown(status: number, headers: Readonly<Record<string, unknown>>): string {
  const found = shownNames.filter((name) => headers[name] !== undefined).map((name) => `${name}=${headers[name]}`);
  return [status, ...(status < 200 ? found : [])].join(" ");
}

function askHttp1({ ip, port }: Target, path: string, version = "1.1", more = ""): Heard {
  const heard = new Heard();
  const socket = connect(port, ip);
  sockets.push(socket);
  let text = "";
  socket.on("error", () => {});
  socket.on("close", () => {
    heard.over = true;
  });
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    for (;;) {
      const end = text.indexOf("\r\n\r\n");
      if (end === -1) return;
      const [first = "", ...lines] = text.slice(0, end).split("\r\n");
      const pairs = lines.map((line) => [
        line.slice(0, line.indexOf(":")).toLowerCase(),
        line.slice(line.indexOf(":") + 2),
      ]);
      const headers = Object.fromEntries(pairs) as Record<string, string>;
      const status = Number(first.split(" ")[1]);
      const length = status < 200 ? 0 : Number(headers["content-length"] ?? 0);
      const isChunked = headers["transfer-encoding"] === "chunked";
      if (isChunked ? !text.includes("\r\n0\r\n\r\n") : text.length < end + 4 + length) return;
      heard.heads.push(shown(status, headers));
      if (status === 100) socket.write("content");
      text = text.slice(end + 4);
      if (status < 200) continue;
      heard.body = isChunked ? (text.split("\r\n")[1] ?? "") : text.slice(0, length);
      heard.over = true;
      socket.destroy();
      return;
    }
  });
  const method = more === "" ? "GET" : "POST";
  socket.write(`${method} ${path} HTTP/${version}\r\nHost: web\r\n${more}\r\n`);
  return heard;
}

const clients: H2Client[] = [];

async function askHttp2(to: Target, path: string, expects = false): Promise<Heard> {
  const client = await H2Client.connect(to);
  clients.push(client);
  const heard = new Heard();
  const more = expects ? { ":method": "POST", expect: "100-continue", "content-length": 7 } : {};
  const stream = client.open({ ":path": path, ...more }, { endStream: !expects });
  stream.on("continue", () => stream.end("content"));
  stream.on("headers", (headers) => heard.heads.push(shown(Number(headers[":status"]), headers)));
  stream.on("response", (headers) => heard.heads.push(shown(Number(headers[":status"]), headers)));
  stream.on("data", (chunk: Buffer) => {
    heard.body += chunk.toString();
  });
  stream.on("close", () => {
    heard.over = true;
  });
  return heard;
}

let one: Server;
let two: H2Backend;
let proxy: RunningProxy;

beforeAll(async () => {
  one = await http1Backend();
  two = await H2Backend.start(onHttp2);
  const to = { http1: (one.address() as AddressInfo).port, h2: two.port };
  let next = 2;
  const router = (label: string, protocol: string, out: "http1" | "h2", server: string, service = ""): string =>
    `- protocol: ${protocol}
  label: ${label}
  dtab: /svc/* => /$/inet/127.1/${to[out]}
  servers: [{ port: 0, ip: 127.0.0.${next++}, protocols: [http1, h2]${server} }]
  client: { protocol: ${out} }
  service: { ${service} }
`;
  const retrying = "responseClassifier: { kind: io.l5d.http.retryableRead5XX }";
  proxy = await RunningProxy.start(
    `admin: { port: 0 }\nrouters:\n${[
      router("to-1", "http", "http1", "", retrying),
      router("to-2", "http", "h2", "", retrying),
      router("h2-to-1", "h2", "http1", ""),
      router("h2-to-2", "h2", "h2", ""),
      router("only-h2", "http", "http1", ", interimResponses: h2"),
      router("none", "http", "h2", ", interimResponses: none"),
      router("h2-none", "h2", "http1", ", interimResponses: none"),
      router("timed-1", "http", "http1", "", "totalTimeoutMs: 700"),
      router("timed-2", "http", "h2", "", "totalTimeoutMs: 700"),
    ].join("")}`,
  );
}, 60_000);

afterAll(async () => {
  for (const each of clients) each.close();
  await proxy?.stop();
  for (const each of sockets) each.destroy();
  one?.close();
  await two?.stop();
});

const callers = {
  "HTTP/1.1": (label: string, path: string): Promise<Heard> => Promise.resolve(askHttp1(proxy.at(label), path)),
  "HTTP/2": (label: string, path: string): Promise<Heard> => askHttp2(proxy.at(label), path),
} as const;

async function over(heard: Heard): Promise<Heard> {
  await until(() => heard.over, "the end of the call");
  return heard;
}

describe.each([
  ["HTTP/1.1", "to-1"],
  ["HTTP/1.1", "to-2"],
  ["HTTP/2", "to-1"],
  ["HTTP/2", "to-2"],
  ["HTTP/1.1", "h2-to-1"],
  ["HTTP/1.1", "h2-to-2"],
  ["HTTP/2", "h2-to-1"],
  ["HTTP/2", "h2-to-2"],
] as const)("a caller of %s, through the router %s", (version, label) => {
  const isHttp1 = label.endsWith("1");

  it("hears of each interim response while the answer is still being made, and of the answer behind them", async () => {
    let goOn = (): void => {};
    const path = playing((to) => {
      to.interim(103, { Link: "</a.css>", "X-One": "1", ...(isHttp1 ? { Connection: "X-Hop", "X-Hop": "2" } : {}) });
      to.interim(102, {});
      to.interim(103, { Link: "</b.css>" });
      to.interim(199, { "X-One": "unheard of" });
      goOn = () => to.answer(200, "found");
    });
    const heard = await callers[version](label, path);
    const interim = ["103 link=</a.css> x-one=1", "102", "103 link=</b.css>", "199 x-one=unheard of"];
    await until(() => heard.heads.length === 4, "four heads");
    expect([heard.heads, heard.over]).toEqual([interim, false]);
    goOn();
    await over(heard);
    expect([heard.heads, heard.body]).toEqual([[...interim, "200"], "found"]);
  });

  it("A58: hears of twenty at most: with one more the backend has broken the rules, and the answer is 502", async () => {
    const path = playing((to) => {
      for (let i = 0; i < 25; i++) to.interim(103, { Link: `<${i}>` });
    });
    const { heads } = await over(await callers[version](label, path));
    const twenty = Array.from({ length: 20 }, (_, i) => `103 link=<${i}>`);
    // A router of h2 tells a client of HTTP/2 by a reset.
    const isReset = version === "HTTP/2" && label.startsWith("h2");
    expect(heads).toEqual(isReset ? twenty : [...twenty, "502"]);
  });

  it("that waits for leave to send its body hears of both in the order of the backend", async () => {
    const path = playing((to) => {
      to.interim(103, { Link: "</a.css>" });
      to.interim(100, {});
      to.interim(102, {});
      to.answer(200, "found");
    });
    const expects = "Expect: 100-continue\r\nContent-Length: 7\r\n";
    const heard =
      version === "HTTP/2"
        ? await askHttp2(proxy.at(label), path, true)
        : askHttp1(proxy.at(label), path, "1.1", expects);
    await over(heard);
    expect([heard.heads, heard.body]).toEqual([["103 link=</a.css>", "100", "102", "200"], "found"]);
  });
});

describe.each(["to-1", "to-2", "h2-to-1"])("through the router %s", (label) => {
  it("a caller of HTTP/1.0 hears of none", async () => {
    const path = playing((to) => {
      to.interim(103, { Link: "</a.css>" });
      to.answer(200, "found");
    });
    const heard = await over(askHttp1(proxy.at(label), path, "1.0"));
    expect(heard.heads).toEqual(["200"]);
  });
});

describe.each([
  ["HTTP/1.1", "to-1"],
  ["HTTP/2", "to-1"],
  ["HTTP/1.1", "to-2"],
  ["HTTP/2", "to-2"],
] as const)("a caller of %s, through the router %s", (version, label) => {
  it("hears of those of an attempt that is made again, and they count as no answer", async () => {
    const path = playing((to, n) => {
      to.interim(103, { Link: `<${n}>` });
      to.answer(n < 3 ? 503 : 200, "found");
    });
    const counted = (found: Readonly<Record<string, number>>): number =>
      Object.entries(found).reduce((sum, [name, value]) => sum + (name.endsWith("status/1XX") ? value : 0), 0);
    const retriesOf = (found: Readonly<Record<string, number>>): number =>
      found[`rt/${label}/service/svc/web/retries/total`] ?? 0;
    const before = retriesOf(await proxy.metrics());
    const { heads } = await over(await callers[version](label, path));
    expect(heads).toEqual(["103 link=<1>", "103 link=<2>", "103 link=<3>", "200"]);
    const metrics = await proxy.metricsWhen((found) => retriesOf(found) === before + 2);
    expect(counted(metrics)).toBe(0);
  });

  it("does not wait longer since a backend says that it is at work", async () => {
    const path = playing((to) => {
      let n = 0;
      const timer = setInterval(() => {
        to.interim(102, {});
        if (++n === 19) clearInterval(timer);
      }, 100);
    });
    const timed = label.replace("to", "timed");
    const { heads } = await over(await callers[version](timed, path));
    expect(heads.at(-1)).toBe("503");
    expect(heads.length).toBeGreaterThan(1);
    expect(heads.length).toBeLessThan(20);
  });
});

describe("interimResponses", () => {
  it.each([
    ["only-h2", "HTTP/1.1", false],
    ["only-h2", "HTTP/2", true],
    ["none", "HTTP/1.1", false],
    ["none", "HTTP/2", false],
    ["h2-none", "HTTP/1.1", false],
    ["h2-none", "HTTP/2", false],
  ] as const)("of %s: a caller of %s hears of them: %s", async (label, version, hears) => {
    const path = playing((to) => {
      to.interim(103, { Link: "</a.css>" });
      to.answer(200, "found");
    });
    const { heads } = await over(await callers[version](label, path));
    expect(heads).toEqual(hears ? ["103 link=</a.css>", "200"] : ["200"]);
  });

  it("are as the config says, or the proxy does not start", async () => {
    const config = "routers:\n- { protocol: http, servers: [{ port: 0, interimResponses: some }] }\n";
    await expect(RunningProxy.start(config)).rejects.toThrow(/interimResponses/);
  });
});
