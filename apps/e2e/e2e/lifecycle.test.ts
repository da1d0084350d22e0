import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Backend } from "../src/backend.ts";
import { listeningPorts } from "../src/listening-ports.ts";
import { Program } from "../src/process.ts";
import { proxyArgs, RunningProxy, TempDir } from "../src/proxy.ts";
import { ask, sendRaw } from "../src/raw-http.ts";

const dir = new TempDir();
let backend: Backend;

beforeAll(async () => {
  backend = await Backend.start((req, res) => {
    const delayMs = Number(req.headers["x-delay-ms"] ?? 0);
    setTimeout(() => res.end("done"), delayMs);
  });
});
afterAll(async () => {
  await backend.stop();
  dir.remove();
});

/** Waits until the backend has been asked this often. */
function reached(times: number): Promise<void> {
  return vi.waitFor(() => expect(backend.received.length).toBe(times), { timeout: 10_000, interval: 10 });
}

/** Runs the program to its end. */
async function run(args: readonly string[], stdin?: string): Promise<{ code: number | null; output: string }> {
  const program = new Program(process.execPath, [...proxyArgs, ...args], stdin === undefined ? {} : { stdin });
  const code = await program.exited;
  return { code, output: program.output };
}

const good = (port = 0) =>
  `admin: { port: 0, shutdownGraceMs: 5000 }\nrouters:\n- protocol: http\n  dtab: /svc/* => /$/inet/127.1/${backend.port}\n  servers: [{ port: ${port} }]\n`;

describe("the program", () => {
  it("wants one config, and says so", async () => {
    const { code, output } = await run([]);
    expect(code).not.toBe(0);
    expect(output).toContain("usage: linkerd path/to/config");
    const missing = await run(["/no/such.yaml"]);
    expect(missing.code).toBe(1);
    expect(missing.output).toContain("config is not a file: /no/such.yaml");
  });

  it("I6: reads - from standard input, and only checks it with -validate", async () => {
    expect(await run(["-validate", "-"], good())).toEqual({ code: 0, output: "" });
    const bad = await run(["-validate", "-"], "routers: []");
    expect(bad.code).toBe(1);
    expect(bad.output).toContain("At least one router must be specified in the configuration.");
  });

  it("I2: binds no port at all when the config has a mistake anywhere", async () => {
    const port = 23_917;
    const config = `${good(port)}- protocol: http\n  label: second\n  servers: [{ port: 0, ip: 127.0.0.2, prot: 1 }]\n`;
    const program = new Program(process.execPath, [...proxyArgs, "-"], { stdin: config });
    const seen = new Set<number>();
    while (program.running) {
      for (const each of listeningPorts(program.pid)) seen.add(each);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await program.exited).toBe(1);
    expect(program.output).toMatch(/^-:8:\d+: routers\[1\]\.servers\[0\]\.prot: unknown key; .*did you mean port\?/m);
    expect([...seen]).toEqual([]);
  });

  it("I3: names router and port when the port is taken, and leaves nothing running", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => holder.once("listening", resolve));
    const { port } = holder.address() as { port: number };
    const { code, output } = await run(["-"], good(port));
    holder.close();
    expect(code).toBe(1);
    expect(output).toContain(`router http cannot listen on 127.0.0.1:${port}`);
  });

  it("I9: lets what is under way finish on SIGTERM, refuses what is new, and exits with 0", async () => {
    const proxy = await RunningProxy.start(good());
    const before = backend.received.length;
    const slow = ask({ to: proxy.at(), headers: { "x-delay-ms": "1500" } });
    await reached(before + 1);
    const stopped = proxy.stop();
    await proxy.program.prints(/Received SIGTERM. Shutting down \.\.\./);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await expect(ask({ to: proxy.at() })).rejects.toThrow(/ECONNREFUSED|ECONNRESET/);
    const answer = await slow;
    expect([answer.status, answer.body]).toEqual([200, "done"]);
    expect(await stopped).toBe(0);
  });

  it("I9: exits at once on a second SIGTERM", async () => {
    const proxy = await RunningProxy.start(good());
    const before = backend.received.length;
    const slow = ask({ to: proxy.at(), headers: { "x-delay-ms": "8000" } }).catch(() => "cut");
    await reached(before + 1);
    proxy.program.child.kill("SIGTERM");
    await proxy.program.prints(/Shutting down/);
    const began = Date.now();
    proxy.program.child.kill("SIGTERM");
    expect(await proxy.program.exited).toBe(143);
    expect(Date.now() - began).toBeLessThan(4000);
    expect(await slow).toBe("cut");
  });

  it("D3: ends on POST to /admin/shutdown, and only on POST", async () => {
    const proxy = await RunningProxy.start(good());
    const admin = { ip: "127.0.0.1", port: proxy.adminPort };
    const host = `127.0.0.1:${proxy.adminPort}`;
    expect((await ask({ to: admin, host, path: "/admin/shutdown" })).status).toBe(405);
    expect((await ask({ to: admin, host: "evil.example", method: "POST", path: "/admin/shutdown" })).status).toBe(403);
    expect(proxy.program.running).toBe(true);
    expect((await ask({ to: admin, host, method: "POST", path: "/admin/shutdown" })).status).toBe(200);
    expect(await proxy.program.exited).toBe(0);
  });

  it("I14: runs without a home, a name or a place for temporary files", async () => {
    const proxy = await RunningProxy.start(good(), { env: { HOME: "/nonexistent", TMPDIR: "/nonexistent", USER: "" } });
    expect((await ask({ to: proxy.at() })).status).toBe(200);
    await proxy.stop();
  });

  it("I15: is not led elsewhere by HTTP_PROXY in its environment", async () => {
    const proxy = await RunningProxy.start(good(), {
      env: { HTTP_PROXY: "http://127.0.0.1:1", http_proxy: "http://127.0.0.1:1" },
    });
    expect((await ask({ to: proxy.at() })).status).toBe(200);
    await proxy.stop();
  });

  it("serves on, and does not spin, when nobody reads its log any more", async () => {
    const proxy = await RunningProxy.start(
      `${good()}- protocol: http\n  label: dead\n  dtab: /svc/* => /$/inet/127.1/1\n  servers: [{ port: 0, ip: 127.0.0.2 }]\n`,
    );
    proxy.program.child.stderr?.destroy();
    proxy.program.child.stdout?.destroy();
    // Each of these has something to log.
    for (let i = 0; i < 20; i++) expect((await ask({ to: proxy.at("dead") })).status).toBe(502);
    expect((await ask({ to: proxy.at() })).status).toBe(200);
    const ticks = (): number => {
      const fields = readFileSync(`/proc/${proxy.program.pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
      return Number(fields[11]) + Number(fields[12]);
    };
    const before = ticks();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    // A hundred ticks are a second of one processor.
    expect(ticks() - before).toBeLessThan(50);
    expect((await proxy.metrics())["unhandled"] ?? 0).toBe(0);
    expect(await proxy.stop()).toBe(0);
  });

  it("warns when strangers' context is trusted", async () => {
    const proxy = await RunningProxy.start(good().replace("port: 0 }]", "port: 0, ip: 0.0.0.0 }]"));
    expect(proxy.program.output).toMatch(/^W .*set clearContext: true if clients are not trusted$/m);
    expect(await sendRaw({ ip: "127.0.0.1", port: proxy.at().port }, "GET / HTTP/1.0\r\nHost: a\r\n\r\n")).toContain(
      " 200 ",
    );
    await proxy.stop();
  });
});
