import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { Backend } from "../src/backend.ts";
import { goodShare, openLoad } from "../src/open-load.ts";
import { fromSource, Program, root } from "../src/process.ts";
import { RunningProxy, TempDir } from "../src/proxy.ts";
import { ask, sendRaw } from "../src/raw-http.ts";

const dir = new TempDir();
const proxies: RunningProxy[] = [];
const backends: Backend[] = [];
const processes: Program[] = [];

afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.stop();
  for (const backend of backends.splice(0)) await backend.stop();
  for (const each of processes.splice(0)) await each.stop("SIGKILL");
});
afterAll(() => dir.remove());

async function backend(...args: Parameters<typeof Backend.start>): Promise<Backend> {
  const started = await Backend.start(...args);
  backends.push(started);
  return started;
}

/** A backend in a process of its own: its port, and how to end it. */
async function process_(delayMs = 0): Promise<{ readonly port: number; readonly program: Program }> {
  const program = new Program(process.execPath, [
    ...fromSource,
    join(root, "apps/e2e/src/backend-main.ts"),
    String(delayMs),
  ]);
  processes.push(program);
  const [, port] = await program.prints(/listening (\d+)/);
  return { port: Number(port), program };
}

/** A router whose name `web` is the endpoints on these ports, with the rest of its config. */
async function proxyTo(ports: readonly number[], rest: string): Promise<RunningProxy> {
  dir.write("web", ports.map((port) => `127.0.0.1 ${port}\n`).join(""));
  const proxy = await RunningProxy.start(`
admin: { port: 0 }
namers: [{ kind: io.l5d.fs, rootDir: ${dir.path} }]
routers:
- protocol: http
  dtab: /svc => /#/io.l5d.fs
  servers: [{ port: 0 }]
${rest}`);
  proxies.push(proxy);
  return proxy;
}

const client = "rt/http/client/#/io.l5d.fs/web";
const service = "rt/http/service/svc/web";

describe("retries of a service", () => {
  it("send a request again that is classified as retryable, until one succeeds", async () => {
    let calls = 0;
    const flaky = await backend((_req, res) => {
      res.statusCode = ++calls % 3 === 0 ? 200 : 500;
      res.end("x");
    });
    const proxy = await proxyTo(
      [flaky.port],
      "  service: { responseClassifier: { kind: io.l5d.http.retryableRead5XX } }\n",
    );
    expect((await ask({ to: proxy.at() })).status).toBe(200);
    expect(calls).toBe(3);
    expect((await ask({ to: proxy.at(), method: "POST", body: "a" })).status).toBe(500);
    expect(calls).toBe(4);
    const metrics = await proxy.metrics();
    expect(metrics[`${service}/retries/total`]).toBe(2);
    expect(metrics[`${service}/requests`]).toBe(2);
    expect(metrics[`${client}/requests`]).toBe(4);
  });

  it("are 100 for a request that always fails and a budget that nobody has used, as in Linkerd", async () => {
    const broken = await backend((_req, res) => {
      res.statusCode = 503;
      res.end();
    });
    const proxy = await proxyTo(
      [broken.port],
      "  service: { responseClassifier: { kind: io.l5d.http.retryableAll5XX } }\n",
    );
    expect((await ask({ to: proxy.at() })).status).toBe(503);
    expect(broken.received.length).toBe(101);
    expect((await proxy.metrics())[`${service}/retries/budget_exhausted`]).toBe(1);
  });

  it("G16, G17: carry a short body again, and neither a long nor a chunked one", async () => {
    const bodies: string[] = [];
    const refusing = await backend((_req, res, body) => {
      bodies.push(body);
      res.statusCode = 500;
      res.end("no");
    });
    const proxy = await proxyTo(
      [refusing.port],
      "  service: { responseClassifier: { kind: io.l5d.http.retryableAll5XX }, retries: { budget: { minRetriesPerSec: 1, ttlSecs: 3, percentCanRetry: 0 } } }\n",
    );
    const short = "s".repeat(5000);
    expect((await ask({ to: proxy.at(), method: "POST", body: short })).status).toBe(500);
    expect(bodies).toEqual([short, short, short, short]);
    bodies.length = 0;
    await new Promise((resolve) => setTimeout(resolve, 3100));
    const long = "l".repeat(6000);
    const headers = { "content-length": "6000" };
    expect((await ask({ to: proxy.at(), method: "POST", body: long, headers })).status).toBe(500);
    const chunked =
      "POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\nc\r\n0\r\n\r\n";
    expect(await sendRaw(proxy.at(), chunked)).toMatch(/^HTTP\/1.1 500 /);
    expect(bodies).toEqual([long, "c"]);
  });

  it("G19: end with the total timeout, which covers all attempts", async () => {
    let calls = 0;
    const slow = await backend((_req, res) => {
      res.statusCode = 500;
      // Two that fail soon, and one that does not answer at all.
      setTimeout(() => res.end(), ++calls < 3 ? 50 : 20_000);
    });
    const proxy = await proxyTo(
      [slow.port],
      "  service: { totalTimeoutMs: 900, responseClassifier: { kind: io.l5d.http.retryableAll5XX } }\n",
    );
    const answer = await ask({ to: proxy.at() });
    expect([answer.status, answer.headers["l5d-err"]]).toEqual([503, expect.stringContaining("900")]);
    expect(slow.received.length).toBe(3);
  });

  it("G15: in an outage are bounded by the budget in every window of time", async () => {
    const times: number[] = [];
    const down = await backend((_req, res) => {
      times.push(performance.now());
      res.statusCode = 503;
      res.end();
    });
    const proxy = await proxyTo(
      [down.port],
      "  client: { failureAccrual: { kind: none } }\n  service: { responseClassifier: { kind: io.l5d.http.retryableAll5XX }, retries: { budget: { ttlSecs: 2, minRetriesPerSec: 5, percentCanRetry: 0.2 } } }\n",
    );
    const began = performance.now();
    const sent = await openLoad({ to: proxy.at(), perSecond: 200, forMs: 8000 });
    expect(sent.every(({ status }) => status === 503)).toBe(true);
    const requests = sent.map(({ atMs }) => began + atMs);
    const within = (all: readonly number[], from: number, to: number): number =>
      all.filter((at) => at > from && at <= to).length;
    for (const windowMs of [1000, 2000, 4000]) {
      for (let from = began - 500; from + windowMs < began + 9000; from += 250) {
        const to = from + windowMs;
        const attempts = within(times, from, to);
        // A request and its attempts may lie on either side of an edge: half a second is what a busy machine may take.
        const originals = within(requests, from - 500, to);
        const paying = within(requests, from - 2500, to);
        const seconds = windowMs / 1000 + 2;
        expect([windowMs, Math.round(from - began), attempts]).toEqual([
          windowMs,
          Math.round(from - began),
          Math.min(attempts, Math.floor(originals + 0.2 * paying + 5 * seconds + 1)),
        ]);
      }
    }
    expect(times.length).toBeGreaterThan(sent.length * 1.15);
  }, 60_000);
});

describe("three hops in a row, each of which retries", () => {
  it("G18: send the last one no more than (1 + budget) to the third for each request", async () => {
    const down = await backend((_req, res) => {
      res.statusCode = 503;
      res.end();
    });
    const ports = [31_871, 31_872, 31_873];
    const next = [ports[1], ports[2], down.port];
    const hops = ports.map(
      (port, i) => `- protocol: http
  label: hop${i}
  dtab: /svc/* => /$/inet/127.1/${next[i]}
  servers: [{ port: ${port} }]
  client: { failureAccrual: { kind: none } }
  service:
    responseClassifier: { kind: io.l5d.http.retryableAll5XX }
    retries: { budget: { ttlSecs: 60, minRetriesPerSec: 0, percentCanRetry: 0.2 } }
`,
    );
    const proxy = await RunningProxy.start(`admin: { port: 0 }\nrouters:\n${hops.join("")}`);
    proxies.push(proxy);
    const sent = await openLoad({ to: { ip: "127.0.0.1", port: ports[0] ?? 0 }, perSecond: 100, forMs: 4000 });
    expect(sent.every(({ status }) => status === 503)).toBe(true);
    expect(down.received.length).toBeLessThanOrEqual(Math.ceil(sent.length * 1.2 ** 3));
    expect(down.received.length).toBeGreaterThan(sent.length * 1.6);
  }, 30_000);
});

describe("requeues of a client", () => {
  it("G21: try 25 times to connect, and then give up with the refusal", async () => {
    const proxy = await proxyTo(
      [1],
      "  client: { failureAccrual: { kind: none }, requeueBudget: { minRetriesPerSec: 0, percentCanRetry: 0 } }\n",
    );
    const answer = await ask({ to: proxy.at() });
    expect(answer.status).toBe(502);
    expect(answer.headers["l5d-retryable"]).toBeUndefined();
    const metrics = await proxy.metrics();
    expect(metrics[`${client}/retries/requeues`]).toBe(25);
    expect(metrics[`${client}/requests`]).toBe(26);
    expect(metrics[`${service}/requests`]).toBe(1);
  });

  it("G2: fail within 100 ms when nobody is there, and do not spin", async () => {
    const proxy = await proxyTo([1, 2, 3], "");
    await ask({ to: proxy.at() });
    const took: number[] = [];
    for (let i = 0; i < 5; i++) {
      const began = performance.now();
      expect((await ask({ to: proxy.at() })).status).toBe(502);
      took.push(performance.now() - began);
    }
    // One of the five may have met a stall of the whole machine.
    expect(took.sort((a, b) => a - b)[3]).toBeLessThan(100);
  });

  it("lose no GET when one of two backends is killed under load", async () => {
    const [stays, dies] = [await process_(5), await process_(5)];
    const proxy = await proxyTo([stays.port, dies.port], "");
    const load = openLoad({ to: proxy.at(), perSecond: 300, forMs: 6000 });
    await new Promise((resolve) => setTimeout(resolve, 3000));
    dies.program.child.kill("SIGKILL");
    const sent = await load;
    expect(sent.filter(({ status }) => status !== 200)).toEqual([]);
  }, 30_000);
});

describe("failure accrual", () => {
  it("G4: takes an endpoint out after five failures, and the others serve", async () => {
    const [good, bad] = [
      await backend(),
      await backend((_req, res) => {
        res.statusCode = 500;
        res.end();
      }),
    ];
    const proxy = await proxyTo([good.port, bad.port], "");
    const sent = await openLoad({ to: proxy.at(), perSecond: 100, forMs: 3000 });
    // Those that were on their way when the fifth came back fail as well; nobody else does.
    expect(bad.received.length).toBeGreaterThanOrEqual(5);
    expect(bad.received.length).toBeLessThan(30);
    expect(sent.filter(({ status }) => status === 500)).toHaveLength(bad.received.length);
    expect(goodShare(sent.slice(-150), 10_000)).toBe(1);
    const metrics = await proxy.metrics();
    expect(metrics[`${client}/failure_accrual/removals`]).toBe(1);
    expect(metrics[`${client}/loadbalancer/busy`]).toBe(1);
    expect(proxy.program.output).toMatch(new RegExp(`127\\.0\\.0\\.1:${bad.port}.*5 failures in a row`));
  });

  it("brings an endpoint back by one probe", async () => {
    let healthy = false;
    const healing = await backend((_req, res) => {
      res.statusCode = healthy ? 200 : 500;
      res.end();
    });
    const good = await backend();
    const proxy = await proxyTo(
      [healing.port, good.port],
      "  client: { failureAccrual: { kind: io.l5d.consecutiveFailures, failures: 2, backoff: { kind: constant, ms: 500 } } }\n",
    );
    await openLoad({ to: proxy.at(), perSecond: 100, forMs: 1200 });
    const before = await proxy.metrics();
    expect(before[`${client}/failure_accrual/probes`]).toBeGreaterThanOrEqual(1);
    expect(before[`${client}/failure_accrual/revivals`]).toBe(0);
    healthy = true;
    const sent = await openLoad({ to: proxy.at(), perSecond: 100, forMs: 1500 });
    expect(goodShare(sent.slice(-50), 10_000)).toBe(1);
    const after = await proxy.metrics();
    expect(after[`${client}/failure_accrual/revivals`]).toBe(1);
    expect(after[`${client}/failure_accrual/removals`]).toBe(1);
    expect(healing.received.length).toBeGreaterThan(20);
  });
});

describe("balancers", () => {
  it.each(["p2c", "ewma", "aperture", "heap", "roundRobin"])("%s: serve from every endpoint", async (kind) => {
    const three = [await backend(), await backend(), await backend()];
    const proxy = await proxyTo(
      three.map(({ port }) => port),
      `  client: { loadBalancer: { kind: ${kind}${kind === "aperture" ? ", minAperture: 3" : ""} } }\n`,
    );
    const sent = await openLoad({ to: proxy.at(), perSecond: 200, forMs: 1000 });
    expect(goodShare(sent, 10_000)).toBe(1);
    const shares = three.map(({ received }) => received.length);
    expect(Math.min(...shares)).toBeGreaterThan(0);
    if (kind === "roundRobin") expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
    const algorithms: Record<string, string> = {
      p2c: "p2c_least_loaded",
      ewma: "p2c_peak_ewma",
      aperture: "aperture_least_loaded",
      heap: "heap_least_loaded",
      roundRobin: "round_robin",
    };
    expect((await proxy.metrics())[`${client}/loadbalancer/algorithm/${algorithms[kind]}`]).toBe(1);
  });

  it("G3: ewma keeps 99.9 % within a second when one of eleven takes two", async () => {
    const eleven: Backend[] = [];
    for (let i = 0; i < 11; i++) {
      eleven.push(await backend((_req, res) => void setTimeout(() => res.end(), i === 0 ? 2000 : 20)));
    }
    const proxy = await proxyTo(
      eleven.map(({ port }) => port),
      "  client: { loadBalancer: { kind: ewma } }\n",
    );
    const sent = await openLoad({ to: proxy.at(), perSecond: 300, forMs: 60_000 });
    expect(sent).toHaveLength(18_000);
    expect(goodShare(sent, 1000)).toBeGreaterThanOrEqual(0.999);
  }, 120_000);
});

describe("hedged requests", () => {
  it("answer from another endpoint when one is late, and cost little more", async () => {
    let calls = 0;
    const sometimesSlow = await backend((_req, res) => void setTimeout(() => res.end(), ++calls % 50 === 0 ? 1500 : 5));
    const quick = await backend((_req, res) => void setTimeout(() => res.end(), 5));
    const proxy = await proxyTo([sometimesSlow.port, quick.port], "  service: { hedge: { maxExtraLoad: 0.05 } }\n");
    await openLoad({ to: proxy.at(), perSecond: 100, forMs: 4500 });
    const sent = await openLoad({ to: proxy.at(), perSecond: 100, forMs: 4000 });
    expect(goodShare(sent, 1400)).toBeGreaterThan(0.99);
    const metrics = await proxy.metrics();
    expect(metrics[`${service}/backups/backups_sent`]).toBeGreaterThan(0);
    expect(metrics[`${service}/backups/backups_sent`]).toBeLessThanOrEqual(850 * 0.05 + 1);
    expect(metrics[`${service}/failures`]).toBe(0);
  }, 40_000);
});
