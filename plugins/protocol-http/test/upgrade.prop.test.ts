import { type AnyPlugin, definePlugin, NoKeys, Registry, readConfig } from "@weftmesh/config";
import { ClockParam, Params, RngParam, systemClock, Var } from "@weftmesh/core";
import { Dtab, type HostAddresses, newInterpreter, Path, utilityNamers } from "@weftmesh/naming";
import type { Router } from "@weftmesh/router";
import { LogLevels, MetricsRegistry, StatsParam } from "@weftmesh/telemetry";
import { type RawAnswer, RawBackend, RawClient, type RawRequest, seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { httpProtocol } from "../src/http-protocol.ts";

/** Any request of HTTP/1 and any response, through two routers: whether they go upgraded between them is seen by nobody. */

const byNothing: AnyPlugin = definePlugin({
  type: "identifier",
  kind: "io.l5d.header.token",
  schema: NoKeys,
  make: () => ({ identify: () => ({ kind: "identified", dst: Path.of("svc", "web"), dtab: Dtab.empty }) }),
});
const registry = Registry.of([httpProtocol, byNothing]);

const nowhere = { resolve: () => Var.of<HostAddresses>({ kind: "neg" }) };
const closing: (() => Promise<unknown>)[] = [];
let metrics: MetricsRegistry;

/** A router on a port of its own. */
async function listen(label: string, to: number, server: string, client = ""): Promise<number> {
  const text = `routers:\n- { protocol: http, label: ${label}, compressionLevel: 0, dtab: "/svc/web => /$/inet/127.1/${to}", servers: [{ port: 0${server} }]${client} }\n`;
  const [chosen] = readConfig(text, "weft.yaml", registry).config.routers;
  if (chosen === undefined) throw new Error("no router");
  const router: Router = chosen.plugin.make(chosen.config, Params.empty).newRouter({
    label,
    params: Params.empty.with(ClockParam, systemClock).with(RngParam, seededRng(1)).with(StatsParam, metrics),
    interpreter: newInterpreter({ utilities: utilityNamers(nowhere) }),
    plugins: registry,
    logger: new LogLevels({ write: () => {} }).logger("router"),
    edit: (stacks) => stacks,
  });
  const [running] = await router.listen();
  closing.push(() => router.close(0));
  return running?.address.port as number;
}

let backend: RawBackend;
let answer: RawAnswer;
let plain: number;
let upgraded: number;

beforeAll(async () => {
  metrics = new MetricsRegistry();
  backend = await RawBackend.start((req, socket) => answer(req, socket));
  const far = await listen("far", backend.port, ", protocols: [http1, h2]");
  plain = await listen("plain", far, "", ", client: { protocol: http1 }");
  upgraded = await listen("upgraded", far, "", ", client: { protocol: upgrade }");
});

afterAll(async () => {
  for (const close of closing.reverse()) await close();
  await backend?.stop();
});

// What is sent.

const tokenChars = [..."!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"];
const ours =
  /^(connection|content-length|transfer-encoding|host|expect|upgrade|l5d-.*|keep-alive|max-forwards|date|via)$/i;
const arbToken = fc.string({ unit: fc.constantFrom(...tokenChars), minLength: 1, maxLength: 12 });
const visible = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i));
const arbValue = fc
  .string({ unit: fc.constantFrom(...visible, " ", "\t", "\xe4", "\xff"), maxLength: 30 })
  .map((text) => text.trim());

/** Names that mean something to one of the two versions or to us come as often as any others. */
const arbHeader = fc.oneof(
  fc.tuple(
    arbToken.filter((name) => !ours.test(name)),
    arbValue,
  ),
  fc.tuple(fc.constantFrom("Cookie", "cookie", "X-One", "x-one", "Accept", "Via"), arbValue),
  fc.constantFrom<[string, string]>(
    ["TE", "trailers"],
    ["TE", "gzip"],
    ["Trailer", "X-Sum"],
    ["Proxy-Connection", "keep-alive"],
    ["Upgrade", "h2c"],
    ["Upgrade", "other/1"],
    ["l5d-orig-proto", "HTTP/1.0"],
    ["l5d-orig-proto", "HTTP/1.1; absolute-form"],
    ["L5d-Orig-Proto", "other"],
    ["grpc-timeout", "1S"],
  ),
);

interface Framed {
  /** How its length is said; undefined for as usual. */
  readonly said?: (length: number) => string;
  /** Undefined where there is none. */
  readonly body: string | undefined;
  readonly chunks: readonly string[] | undefined;
  readonly trailers: readonly (readonly [string, string])[];
}

const arbContent = fc.string({ unit: fc.constantFrom(...visible, "\r", "\n", "\0"), maxLength: 50 });
const arbFramed: fc.Arbitrary<Framed> = fc.oneof(
  fc.constant({ body: undefined, chunks: undefined, trailers: [] }),
  arbContent.map((body) => ({ body, chunks: undefined, trailers: [] })),
  fc.record({
    body: fc.constantFrom("", "abc"),
    chunks: fc.constant(undefined),
    trailers: fc.constant([]),
    said: fc.constantFrom(
      (length: number) => `Content-Length: 0${length}\r\n`,
      (length: number) => `Content-Length: ${length}\r\nContent-Length: ${length}\r\n`,
      (length: number) => `content-length: ${length}, ${length}\r\n`,
    ),
  }),
  fc.record({
    body: fc.constant(undefined),
    chunks: fc.array(fc.oneof(arbContent.filter((text) => text !== "")), { maxLength: 3 }),
    trailers: fc.array(
      fc.oneof(
        fc.tuple(fc.constantFrom("X-Sum", "x-check"), arbValue),
        fc.constantFrom<[string, string]>(["Content-Type", "a/b"], ["l5d-err", "x"], ["Authorization", "x"]),
      ),
      { maxLength: 2 },
    ),
  }),
);

const lines = (headers: readonly (readonly [string, string])[]): string =>
  headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");

/** The lines that frame it, and its bytes. */
function framed({ body, chunks, trailers, said }: Framed): readonly [string, string] {
  if (body !== undefined) return [said?.(body.length) ?? `Content-Length: ${body.length}\r\n`, body];
  if (chunks === undefined) return ["", ""];
  const all = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("");
  return ["Transfer-Encoding: chunked\r\n", `${all}0\r\n${lines(trailers)}\r\n`];
}

const arbTarget = fc.oneof(
  fc.string({ unit: fc.constantFrom(...visible.filter((c) => c !== "#")), maxLength: 20 }).map((text) => `/${text}`),
  fc.constantFrom("http://web/a?b", "HTTP://other:81", "https://web/x"),
);

const arbRequest = fc
  .record({
    method: fc.oneof(
      fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
      arbToken.filter((text) => !/^(CONNECT|TRACE|PRI)$/.test(text)),
    ),
    target: arbTarget,
    version: fc.constantFrom("1.0", "1.1"),
    host: fc.constantFrom("web", "WEB:80", "", undefined),
    headers: fc.array(arbHeader, { maxLength: 6 }),
    connection: fc.constantFrom("close", "keep-alive", "x-one, keep-alive", "TE", "Upgrade", undefined),
    framed: arbFramed,
  })
  .map((each) => ({
    ...each,
    target: each.method === "OPTIONS" && each.target === "/" ? "*" : each.target,
    host: each.version === "1.1" ? (each.host ?? "") : each.host,
    // HTTP/1.0 has no chunks.
    framed: each.version === "1.0" ? { ...each.framed, chunks: undefined } : each.framed,
  }));

type Request = typeof arbRequest extends fc.Arbitrary<infer T> ? T : never;

function requestText({ method, target, version, host, headers, connection, framed: content }: Request): string {
  const [framing, bytes] = framed(content);
  const own = `${host === undefined ? "" : `Host: ${host}\r\n`}`;
  const hop = connection === undefined ? "" : `Connection: ${connection}\r\n`;
  return `${method} ${target} HTTP/${version}\r\n${own}${lines(headers)}${framing}${hop}\r\n${bytes}`;
}

const arbResponse = fc.record({
  version: fc.constantFrom("1.0", "1.1"),
  status: fc.oneof(fc.constantFrom(200, 204, 304, 404, 500), fc.integer({ min: 200, max: 999 })),
  headers: fc.array(
    fc.oneof(
      arbHeader.filter(([name]) => !/^upgrade$/i.test(name)),
      fc.constantFrom<[string, string]>(["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"], ["Location", "http://web/x"]),
    ),
    { maxLength: 6 },
  ),
  framed: arbFramed,
  interim: fc.array(fc.constantFrom("100 Continue", "102 Processing", "103 Early Hints", "199 x"), { maxLength: 3 }),
  close: fc.boolean(),
});

type Response = typeof arbResponse extends fc.Arbitrary<infer T> ? T : never;

function responseText({ version, status, headers, framed: content, interim, close }: Response, method: string): string {
  const isOld = version === "1.0";
  const [framing, bytes] = framed(isOld ? { ...content, chunks: undefined } : content);
  const hasNone = method === "HEAD" || status === 204 || status === 304;
  // Without a framing it ends with the connection.
  const ends = close || isOld || (framing === "" && !hasNone);
  const hints = interim.map((each, i) => `HTTP/1.1 ${each}\r\nLink: </${i}>\r\nl5d-orig-proto: HTTP/1.0\r\n\r\n`);
  const first = isOld ? "" : hints.join("");
  const head = `HTTP/${version} ${status} Whatever\r\n${lines(headers)}${framing}${ends ? "Connection: close\r\n" : ""}`;
  return `${first}${head}\r\n${hasNone ? "" : framing === "" ? "until the end" : bytes}`;
}

// What came.

/** New for each; and what a backend says of its own that is ours to say between proxies, and nowhere else. */
const news = /^(l5d-reqid|l5d-ctx-trace|date|l5d-orig-proto)$/;

interface Message {
  readonly line: string;
  readonly host: readonly string[];
  readonly headers: readonly (readonly [string, string])[];
  readonly content: unknown;
}

function messageOf({ line, headers, body }: RawRequest): Message {
  const all = headers.map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  const isChunked = all.some(([name]) => name === "transfer-encoding");
  return {
    line,
    host: all.filter(([name]) => name === "host").map(([, value]) => value),
    headers: all.filter(([name]) => name !== "host" && !news.test(name)),
    content: isChunked ? unchunked(body) : body,
  };
}

/** Chunks may be cut anywhere. */
function unchunked(text: string): unknown {
  let content = "";
  for (let at = 0; ; ) {
    const line = text.indexOf("\r\n", at);
    const size = Number.parseInt(text.slice(at, line), 16);
    if (!(size > 0)) {
      const rest = text.slice(line + 2, -2).replaceAll(/^[^:]*:/gm, (name) => name.toLowerCase());
      return { content, trailers: rest, ended: size === 0 && text.endsWith("\r\n\r\n") };
    }
    content += text.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
}

/** What a caller heard to requests with these methods. */
function answersOf(text: string, methods: readonly string[]): readonly unknown[] {
  const answers: unknown[] = [];
  for (let rest = text, i = 0; rest !== ""; ) {
    const at = rest.indexOf("\r\n\r\n");
    const [line = "", ...lines] = rest.slice(0, at).split("\r\n");
    const headers = lines.map((each): [string, string] => {
      const colon = each.indexOf(":");
      return [each.slice(0, colon), each.slice(colon + 1).trim()];
    });
    const end = at + 4 + contentLength(line, headers, rest.slice(at + 4), methods[i] as string);
    answers.push(messageOf({ line, headers, body: rest.slice(at + 4, end) }));
    if (!/ 1\d\d /.test(line)) i++;
    rest = rest.slice(end);
  }
  return answers;
}

function contentLength(line: string, headers: RawRequest["headers"], rest: string, method: string): number {
  if (method === "HEAD" || / (1\d\d|204|304) /.test(line)) return 0;
  const of = (name: string): string | undefined => headers.find(([each]) => each.toLowerCase() === name)?.[1];
  if (of("transfer-encoding") !== undefined) {
    for (let at = 0; ; ) {
      const size = Number.parseInt(rest.slice(at), 16);
      const from = rest.indexOf("\r\n", at);
      if (size > 0) at = from + 2 + size + 2;
      else return rest.indexOf("\r\n\r\n", from) + 4;
    }
  }
  const length = of("content-length");
  return length === undefined ? rest.length : Number(length);
}

interface Exchange {
  readonly asked: readonly Message[];
  readonly heard: string;
  /** The names of what was asked, in lower case. */
  readonly named: readonly string[];
  /** The names in both. */
  readonly headers: readonly string[];
}

/** What the backend was asked, and what the caller heard, up to the end of its connection. */
const last = "GET /last HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n";

async function exchange(port: number, text: string): Promise<Exchange> {
  backend.received.length = 0;
  const client = new RawClient(port);
  client.send(text + last);
  await client.gone();
  const asked = backend.received.flatMap(({ headers }) => headers.map(([name]) => name));
  const heard = (client.text.split("\r\n\r\n")[0] as string).split("\r\n").map((line) => line.split(":")[0] as string);
  return {
    asked: backend.received.map(messageOf),
    heard: client.text,
    named: asked.map((name) => name.toLowerCase()),
    headers: [...asked, ...heard],
  };
}

const counterOf = (name: string): number => {
  let found = 0;
  metrics.forEach((path, metric) => {
    if (path.join("/").endsWith(name) && metric.kind === "counter") found += metric.value;
  });
  return found;
};

describe("two proxies", () => {
  it("bring any request to a backend, and any response to its caller, alike whether they upgrade it or not", async () => {
    await fc.assert(
      fc.asyncProperty(arbRequest, arbResponse, async (request, response) => {
        const text = requestText(request);
        answer = (req) => responseText(response, req.line.split(" ")[0] as string);
        const direct = await exchange(plain, text);
        const over2 = await exchange(upgraded, text);
        expect(over2.asked).toEqual(direct.asked);
        const methods = [request.method, "GET"];
        expect(answersOf(over2.heard, methods)).toEqual(answersOf(direct.heard, methods));
        expect(direct.named).not.toContain("l5d-orig-proto");
        expect(over2.headers.filter((name) => /^l5d-orig-proto$/i.test(name))).toEqual([]);
      }),
      { numRuns: 300 },
    );
    expect(counterOf("upgrade/requests")).toBeGreaterThan(200);
    expect(counterOf("upgrade/http1_requests")).toBe(0);
  }, 120_000);
});
