import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { fileURLToPath, pathToFileURL } from "node:url";
import { slopeOf } from "./least-squares.ts";
import { RunningProxy } from "./proxy.ts";
import type { Target } from "./raw-http.ts";

export interface SoakOptions {
  readonly seconds: number;
  readonly perSecond: number;
  /** Samples before this are left out: caches fill, and the engine compiles. */
  readonly warmUpSeconds: number;
  readonly sampleEveryMs: number;
  readonly log?: (line: string) => void;
}

export interface SoakResult {
  readonly requests: number;
  /** Requests that did not end as they should. */
  readonly failures: number;
  readonly firstFailure: string | undefined;
  /** Of the heap after garbage was collected, by least squares after the warm-up. */
  readonly heapMbPerMinute: number;
  readonly rssMbPerMinute: number;
  readonly samples: readonly HeapSample[];
  /** Open connections of clients when all had left. */
  readonly leftConnections: number;
}

export interface HeapSample {
  readonly atSeconds: number;
  readonly heapMb: number;
  readonly rssMb: number;
}

const mb = 1024 * 1024;
const large = Buffer.alloc(100_000, 97);
const upload = Buffer.alloc(10_000, 98);

function answer(req: IncomingMessage, res: ServerResponse): void {
  req.resume();
  req.on("end", () => {
    switch (req.url) {
      case "/large":
        res.end(large);
        return;
      case "/missing":
        res.writeHead(404).end("no");
        return;
      case "/broken":
        res.writeHead(500).end("oh");
        return;
      case "/chunked":
        for (let i = 0; i < 10; i++) res.write("chunk ");
        res.end();
        return;
      case "/slow":
        setTimeout(() => res.end("late"), 200);
        return;
      default:
        res.end("ok");
    }
  });
}

/** What is asked for, and how often in a hundred. */
const mix: readonly { readonly share: number; readonly kind: string }[] = [
  { share: 55, kind: "small" },
  { share: 10, kind: "post" },
  { share: 5, kind: "postChunked" },
  { share: 5, kind: "large" },
  { share: 5, kind: "chunked" },
  { share: 5, kind: "slow" },
  { share: 3, kind: "missing" },
  { share: 2, kind: "broken" },
  { share: 5, kind: "ownConnection" },
  { share: 2, kind: "leaves" },
  { share: 2, kind: "tunnel" },
  { share: 1, kind: "nameless" },
];

const kinds: readonly string[] = mix.flatMap(({ share, kind }) => Array.from({ length: share }, () => kind));

/** Mixed traffic at a fixed rate over a real process, whose heap is looked at meanwhile. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const backend = createServer(answer);
  backend.keepAliveTimeout = 600_000;
  backend.on("connect", (_req, socket) => socket.destroy());
  await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
  const { port } = backend.address() as AddressInfo;
  const report = pathToFileURL(fileURLToPath(new URL("./heap-report.mjs", import.meta.url))).href;
  const proxy = await RunningProxy.start(
    `
admin: { port: 0 }
routers:
- protocol: http
  dtab: |
    /svc/web => /$/inet/127.0.0.1/${port};
    /svc/web:443 => /$/inet/127.0.0.1/${port};
  servers: [{ port: 0 }]
  tunnels: { connect: true }
`,
    {
      maxHeapMb: 256,
      nodeArgs: ["--expose-gc", "--import", report],
      env: { WEFT_HEAP_REPORT_MS: String(options.sampleEveryMs) },
    },
  );
  const began = performance.now();
  const load = new Load(proxy.at());
  await load.run(options.seconds, options.perSecond, (line) => options.log?.(line));
  const samples = samplesIn(proxy.program.output, options.sampleEveryMs / 1000);
  const warm = samples.filter(({ atSeconds }) => atSeconds >= options.warmUpSeconds && atSeconds <= options.seconds);
  let leftConnections = Number.NaN;
  for (let i = 0; i < 100; i++) {
    leftConnections = (await proxy.metrics())["rt/http/server/127.0.0.1/0/connections"] ?? Number.NaN;
    if (leftConnections === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await proxy.stop();
  stop(backend);
  options.log?.(`it took ${((performance.now() - began) / 1000).toFixed(0)} s`);
  return {
    requests: load.requests,
    failures: load.failures,
    firstFailure: load.firstFailure,
    heapMbPerMinute: slopeOf(warm.map(({ atSeconds, heapMb }) => ({ x: atSeconds / 60, y: heapMb }))),
    rssMbPerMinute: slopeOf(warm.map(({ atSeconds, rssMb }) => ({ x: atSeconds / 60, y: rssMb }))),
    samples,
    leftConnections,
  };
}

function stop(backend: Server): void {
  backend.closeAllConnections();
  backend.close();
}

function samplesIn(output: string, everySeconds: number): readonly HeapSample[] {
  return [...output.matchAll(/^heap-report (\{.*\})$/gm)].map(([, json = "{}"], i) => {
    const { heapUsed, rss } = JSON.parse(json) as { heapUsed: number; rss: number };
    return { atSeconds: (i + 1) * everySeconds, heapMb: heapUsed / mb, rssMb: rss / mb };
  });
}

class Load {
  requests = 0;
  failures = 0;
  firstFailure: string | undefined = undefined;
  readonly #to: Target;
  readonly #agent: Agent = new Agent({ keepAlive: true, maxSockets: 200 });
  readonly #underWay = new Set<Promise<void>>();

  constructor(to: Target) {
    this.#to = to;
  }

  async run(seconds: number, perSecond: number, log: (line: string) => void): Promise<void> {
    const began = performance.now();
    const total = seconds * perSecond;
    for (let minute = 1; this.requests < total; ) {
      const elapsed = (performance.now() - began) / 1000;
      const due = Math.min(Math.floor(elapsed * perSecond) + 1, total);
      // A machine that was away for a moment is not made up for in one burst.
      for (let n = Math.min(due - this.requests, perSecond); n > 0; n--) this.#send();
      if (elapsed >= minute * 60) {
        log(`minute ${minute++}: ${this.requests} requests, ${this.failures} failures`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await Promise.all(this.#underWay);
    this.#agent.destroy();
  }

  #send(): void {
    // A step that shares no factor with the length: every kind at its share, and mixed.
    const kind = kinds[(this.requests++ * 37) % kinds.length] as string;
    const call = this.#one(kind)
      .catch((error: Error) => {
        this.failures++;
        this.firstFailure ??= `${kind}: ${error.message}`;
      })
      .then(() => void this.#underWay.delete(call));
    this.#underWay.add(call);
  }

  #one(kind: string): Promise<void> {
    switch (kind) {
      case "post":
      case "postChunked":
        return this.#ask("/", 200, { method: "POST", chunked: kind === "postChunked" });
      case "missing":
        return this.#ask("/missing", 404);
      case "broken":
        return this.#ask("/broken", 500);
      case "small":
        return this.#ask("/", 200);
      case "ownConnection":
        return this.#ask("/", 200, { own: true });
      case "nameless":
        return this.#ask("/", 502, { host: `nobody-${this.requests}` });
      case "leaves":
        return this.#leave();
      case "tunnel":
        return this.#tunnel();
      default:
        return this.#ask(`/${kind}`, 200);
    }
  }

  #ask(
    path: string,
    status: number,
    {
      method = "GET",
      chunked = false,
      own = false,
      host = "web",
    }: {
      method?: string;
      chunked?: boolean;
      own?: boolean;
      host?: string;
    } = {},
  ): Promise<void> {
    const { ip, port } = this.#to;
    return new Promise((resolve, reject) => {
      const req = request(
        { host: ip, port, method, path, headers: { host }, agent: own ? false : this.#agent },
        (res) => {
          res.resume();
          res.on("error", reject);
          res.on("end", () =>
            res.statusCode === status ? resolve() : reject(new Error(`${path}: status ${res.statusCode}`)),
          );
        },
      );
      req.on("error", reject);
      if (method === "GET") req.end();
      else if (chunked) {
        req.write(upload);
        req.end(upload);
      } else req.end(upload);
    });
  }

  /** A client that goes away before it has its answer. */
  #leave(): Promise<void> {
    const { ip, port } = this.#to;
    return new Promise((resolve) => {
      const socket = connect(port, ip, () => {
        socket.write("GET /slow HTTP/1.1\r\nHost: web\r\n\r\n");
        setTimeout(() => socket.destroy(), 50);
      });
      socket.on("error", () => {});
      socket.on("close", () => resolve());
    });
  }

  /** A tunnel, through which one request goes. */
  #tunnel(): Promise<void> {
    const { ip, port } = this.#to;
    return new Promise((resolve, reject) => {
      let text = "";
      const socket = connect(port, ip, () => socket.write("CONNECT web:443 HTTP/1.1\r\nHost: web:443\r\n\r\n"));
      socket.on("error", reject);
      socket.on("data", (bytes) => {
        const before = text;
        text += bytes.toString("latin1");
        const opened = text.indexOf("\r\n\r\n");
        if (opened >= 0 && !before.includes("\r\n\r\n")) {
          if (!text.startsWith("HTTP/1.1 200 ")) reject(new Error(`CONNECT: ${text}`));
          socket.write("GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n");
        }
      });
      socket.on("close", () => (text.endsWith("ok") ? resolve() : reject(new Error(`through a tunnel: ${text}`))));
    });
  }
}
