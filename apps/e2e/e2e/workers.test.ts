import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { Backend } from "../src/backend.ts";
import { freePort } from "../src/free-port.ts";
import { descriptors, listeningPorts } from "../src/listening-ports.ts";
import { Posts } from "../src/posts.ts";
import { Program } from "../src/process.ts";
import { proxyArgs, RunningProxy, TempDir } from "../src/proxy.ts";
import { ask } from "../src/raw-http.ts";

const dir = new TempDir();
let backend: Backend;
let running: RunningProxy | undefined;
/** One with two workers, for several tests. */
let common: RunningProxy | undefined;

beforeAll(async () => {
  backend = await Backend.start((req, res, body) => {
    const delayMs = Number(req.headers["x-delay-ms"] ?? 0);
    if (delayMs > 0) setTimeout(() => res.end(body), delayMs);
    else res.end(body);
  });
});
afterAll(async () => {
  if (common?.program.running === true) await common.program.stop();
  await backend.stop();
  dir.remove();
});
afterEach(async () => {
  if (running?.program.running === true) await running.program.stop();
  running = undefined;
});

const config = (more = ""): string => `admin: { port: 0, shutdownGraceMs: 4000 }
telemetry: [{ kind: io.l5d.prometheus }]
routers:
- protocol: http
  dtab: /svc/* => /$/inet/127.1/${backend.port}
  servers: [{ port: 0 }]
${more}`;

async function start(workers: number, text = config()): Promise<RunningProxy> {
  running = await RunningProxy.start(text, { args: ["--workers", String(workers)] });
  return running;
}

async function shared(): Promise<RunningProxy> {
  common ??= await RunningProxy.start(config(), { args: ["--workers", "2"] });
  return common;
}

/** Processes whose parent this is, save what the loader of sources runs. */
function workersOf(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ").filter(Boolean);
  return children.map(Number).filter((each) => readFileSync(`/proc/${each}/cmdline`, "latin1").includes("main.ts"));
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function metric(proxy: RunningProxy, name: string): Promise<number | undefined> {
  return (await proxy.metrics())[name];
}

/** Waits until so many workers take connections. */
function ready(proxy: RunningProxy, count: number): Promise<void> {
  return vi.waitFor(async () => expect(await metric(proxy, "workers/ready")).toBe(count), {
    timeout: 30_000,
    interval: 100,
  });
}

const requests = "rt/http/server/127.0.0.1/0/requests";

describe("workers", () => {
  it("share the requests, and are one proxy on the admin server", async () => {
    const proxy = await shared();
    for (let i = 0; i < 20; i++) {
      expect((await ask({ to: proxy.at(), method: "POST", body: `${i}` })).body).toBe(`${i}`);
    }
    const metrics = await proxy.metrics();
    expect(metrics[requests]).toBe(20);
    expect(metrics["rt/http/service/svc/web/success"]).toBe(20);
    expect(metrics["workers/ready"]).toBe(2);
    const admin = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${proxy.adminPort}${path}`);
    expect(await (await admin("/admin/metrics/prometheus")).text()).toMatch(
      /^rt:server:requests\{rt="http", server="127\.0\.0\.1\/0"\} 20$/m,
    );
    expect(await (await admin("/client_state.json")).json()).toEqual({
      [`/$/inet/127.1/${backend.port}`]: { state: "bound", addresses: [`127.0.0.1:${backend.port}`] },
    });
    expect([(await admin("/ready")).status, (await admin("/live")).status]).toEqual([200, 200]);
    expect(workersOf(proxy.program.pid).map((pid) => listeningPorts(pid))).toEqual([[], []]);
  });

  it("have equally many connections, to within one", async () => {
    const proxy = await shared();
    const posts = new Posts({ to: proxy.at(), perSecond: 400, connections: 32 });
    await posts.reached(400);
    const counts = workersOf(proxy.program.pid).map((pid) => established(pid, proxy.at().port));
    await posts.end();
    expect(posts.failures).toEqual([]);
    expect(Math.abs((counts[0] ?? 0) - (counts[1] ?? 0))).toBeLessThanOrEqual(1);
    expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBeGreaterThan(1);
  });

  it("are started again when they die, and what they had counted is not lost", async () => {
    const proxy = await shared();
    for (let i = 0; i < 10; i++) await ask({ to: proxy.at() });
    const before = (await metric(proxy, requests)) ?? 0;
    const [first] = workersOf(proxy.program.pid);
    process.kill(first as number, "SIGKILL");
    await proxy.program.prints(/worker \d \(process \d+\) was ended by SIGKILL; another starts in \d+ ms/);
    // The other one answers meanwhile.
    for (let i = 0; i < 10; i++) expect((await ask({ to: proxy.at() })).status).toBe(200);
    await ready(proxy, 2);
    expect(await metric(proxy, requests)).toBe(before + 10);
    expect(await metric(proxy, "workers/died")).toBe(1);
  });

  it("I10: fail none of 2,000 POSTs while five of them are replaced", async () => {
    const proxy = await shared();
    const before = await proxy.metrics();
    const posts = new Posts({ to: proxy.at(), perSecond: perSecond() });
    for (let restart = 1; restart <= 5; restart++) {
      await posts.reached((restart * total()) / 6);
      const pids = workersOf(proxy.program.pid);
      process.kill(pids[0] as number, "SIGTERM");
      await vi.waitFor(
        async () => expect(await metric(proxy, "workers/restarts")).toBe((before["workers/restarts"] ?? 0) + restart),
        {
          timeout: 30_000,
          interval: 50,
        },
      );
      await ready(proxy, 2);
    }
    await posts.reached(total());
    await posts.end();
    expect(posts.failures).toEqual([]);
    expect(posts.sent).toBeGreaterThanOrEqual(total());
    expect(await metric(proxy, requests)).toBe((before[requests] ?? 0) + posts.sent);
    expect(await metric(proxy, "workers/died")).toBe(before["workers/died"]);
  });

  it("I9: finish what is under way on SIGTERM, all of them, and leave nothing behind", async () => {
    const proxy = await shared();
    const pids = workersOf(proxy.program.pid);
    expect(pids.length).toBe(2);
    const before = backend.received.length;
    const slow = [1, 2].map(() =>
      ask({ to: proxy.at(), method: "POST", body: "done", headers: { "x-delay-ms": "1500" } }),
    );
    await vi.waitFor(() => expect(backend.received.length).toBe(before + 2), { timeout: 10_000, interval: 10 });
    const stopped = proxy.stop();
    common = undefined;
    for (const each of slow) expect((await each).body).toBe("done");
    expect(await stopped).toBe(0);
    for (const pid of pids) expect(isThere(pid)).toBe(false);
  });

  it("keep connections waiting while all of them are dead", async () => {
    const proxy = await start(1);
    const [only] = workersOf(proxy.program.pid);
    process.kill(only as number, "SIGKILL");
    const answer = await ask({ to: proxy.at(), method: "POST", body: "patience" });
    expect([answer.status, answer.body]).toEqual([200, "patience"]);
  });

  it("I8: fail none of 2,000 POSTs over five reloads, and a bad config changes nothing in any of them", async () => {
    const [port, adminPort] = [await freePort(), await freePort()];
    const text = (extra: string): string =>
      config(extra)
        .replace("admin: { port: 0", `admin: { port: ${adminPort}`)
        .replace("[{ port: 0 }]", `[{ port: ${port} }]`);
    const file = dir.write("workers.yaml", text(""));
    const program = new Program(process.execPath, [...proxyArgs, "--workers", "2", file]);
    await program.prints(/: initialized\n/);
    const posts = new Posts({ to: { ip: "127.0.0.1", port }, perSecond: perSecond() });
    const reload = () => fetch(`http://127.0.0.1:${adminPort}/admin/reload`, { method: "POST" });
    for (let i = 1; i <= 5; i++) {
      await posts.reached((i * total()) / 6);
      dir.write("workers.yaml", text(`  label: http\n  maxHeadersKB: ${8 + i}\n`));
      const answer = await reload();
      expect([answer.status, ((await answer.json()) as { changed: unknown }).changed]).toEqual([200, ["http"]]);
    }
    dir.write("workers.yaml", text("  maxHeadersKB: many\n"));
    expect((await reload()).status).toBe(400);
    await posts.reached(total());
    await posts.end();
    expect(posts.failures).toEqual([]);
    expect(program.output).not.toContain("could not take on the config");
    const metrics = (await (await fetch(`http://127.0.0.1:${adminPort}/admin/metrics.json`)).json()) as Record<
      string,
      number
    >;
    expect(metrics[`rt/http/server/127.0.0.1/${port}/requests`]).toBe(posts.sent);
    expect(metrics["config/reloads"]).toBe(5);
    expect(await program.stop()).toBe(0);
  });

  it("follow discovery that is watched once for all", async () => {
    const other = await Backend.start((_req, res) => res.end("other"));
    dir.write("web", `127.0.0.1 ${backend.port}\n`);
    const namers = `namers: [{ kind: io.l5d.fs, rootDir: ${dir.path} }]\n`;
    const proxy = await start(2, `${namers}${config().replace(/dtab: .*/, "dtab: /svc => /#/io.l5d.fs")}`);
    const all = (): Promise<string[]> =>
      Promise.all([1, 2, 3, 4].map(async () => (await ask({ to: proxy.at(), method: "POST", body: "one" })).body));
    expect(await all()).toEqual(["one", "one", "one", "one"]);
    // A name and its addresses: for both workers together.
    expect(await metric(proxy, "workers/watches")).toBe(2);
    const pids = workersOf(proxy.program.pid);
    expect(pids.length).toBe(2);
    for (const pid of pids) expect(descriptors(pid)).not.toContain("anon_inode:inotify");
    dir.write("web", `127.0.0.1 ${other.port}\n`);
    await vi.waitFor(async () => expect(await all()).toEqual(["other", "other", "other", "other"]), {
      timeout: 20_000,
      interval: 100,
    });
    await other.stop();
  });

  it("end when the supervisor is killed", async () => {
    const proxy = await start(2);
    const pids = workersOf(proxy.program.pid);
    expect(pids.length).toBe(2);
    proxy.program.child.kill("SIGKILL");
    await vi.waitFor(() => expect(pids.filter(isThere)).toEqual([]), { timeout: 10_000, interval: 50 });
  });

  it("I2, I3: are not started for a bad config, and a taken port is named", async () => {
    const bad = new Program(process.execPath, [...proxyArgs, "--workers", "2", "-"], { stdin: config("prot: 1\n") });
    expect(await bad.exited).toBe(1);
    expect(bad.output).toMatch(/^-:\d+:\d+: prot: unknown key/m);
    const holder = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => holder.once("listening", resolve));
    const { port } = holder.address() as { port: number };
    const taken = new Program(process.execPath, [...proxyArgs, "--workers", "2", "-"], {
      stdin: config().replace("[{ port: 0 }]", `[{ port: ${port} }]`),
    });
    expect(await taken.exited).toBe(1);
    holder.close();
    expect(taken.output).toContain(`router http cannot listen on 127.0.0.1:${port}: `);
  });
});

/** The full size is 10,000 at 1,000 a second. */
function total(): number {
  return process.env["WEFT_FULL"] === "1" ? 10_000 : 2_000;
}

function perSecond(): number {
  return process.env["WEFT_FULL"] === "1" ? 1000 : 300;
}

/** Open connections of a process to one of its own ports. */
function established(pid: number, port: number): number {
  const inodes = new Set(descriptors(pid).map((each) => /\[(\d+)\]/.exec(each)?.[1] ?? ""));
  const table = readFileSync("/proc/net/tcp", "latin1").split("\n").slice(1);
  return table.filter((line) => {
    const fields = line.trim().split(/\s+/);
    return (
      fields[3] === "01" && inodes.has(fields[9] ?? "") && Number.parseInt(fields[1]?.split(":")[1] ?? "", 16) === port
    );
  }).length;
}
