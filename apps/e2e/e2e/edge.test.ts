import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { Backend } from "../src/backend.ts";
import { openFiles } from "../src/listening-ports.ts";
import { RunningProxy } from "../src/proxy.ts";
import { ask } from "../src/raw-http.ts";

let backend: Backend;
let proxy: RunningProxy;
let files = 0;

beforeAll(async () => {
  backend = await Backend.start();
  const to = `/svc/* => /$/inet/127.1/${backend.port}`;
  const config = `
admin: { port: 0 }
routers:
- protocol: http
  label: edge
  profile: edge
  dtab: ${to}
  servers: [{ port: 0 }, { port: 0, ip: 127.0.0.2, profile: default }]
- protocol: http
  label: inner
  allowInetFromOverride: false
  dtab: ${to} ; /svc/pinned => /$/inet/127.1/${backend.port} ; /open => /$/inet
  servers: [{ port: 0, ip: 127.0.0.3 }]
- protocol: http
  label: remote
  allowLocalFromOverride: false
  dtab: ${to}
  servers: [{ port: 0, ip: 127.0.0.4 }]
- protocol: http
  label: plain
  dtab: ${to}
  servers: [{ port: 0, ip: 127.0.0.5 }]
`;
  proxy = await RunningProxy.start(config, { maxHeapMb: 256 });
  for (const label of ["edge", "inner", "remote", "plain"]) await ask({ to: proxy.at(label) });
  files = openFiles(proxy.program.pid);
});

afterAll(async () => {
  await proxy?.stop();
  await backend?.stop();
});

/** After each hostile case: alive, a good request answered, descriptors and gauges where they were. */
afterEach(async () => {
  expect(proxy.program.running).toBe(true);
  expect(proxy.program.output).not.toMatch(/unhandled|uncaught/i);
  expect((await ask({ to: proxy.at("plain") })).status).toBe(200);
  await vi.waitFor(
    async () => {
      expect(openFiles(proxy.program.pid)).toBeLessThanOrEqual(files + 8);
      const metrics = await proxy.metrics();
      const gauges = Object.entries(metrics).filter(([name]) =>
        /^rt\/[^/]+\/server\/.*\/(connections|pending)$/.test(name),
      );
      expect(gauges.length).toBeGreaterThanOrEqual(4);
      expect(gauges.filter(([, value]) => value !== 0)).toEqual([]);
    },
    { timeout: 10_000, interval: 100 },
  );
});

const last = () => backend.received.at(-1)?.headers ?? {};
const overridden = (label: string, dst: string, name = "l5d-dtab") =>
  ask({ to: proxy.at(label), host: "x", headers: { [name]: `/svc/x => ${dst}` } });

describe("delegations of a request", () => {
  const targets = [
    "/$/inet/169.254.169.254/80",
    "/$/inet/127.0.0.1/ADMIN",
    "/$/inet/0/22",
    "/$/inet/22",
    "/$/inet/\\x5b::ffff:127.0.0.1\\x5d/80",
    "/$/inet/::ffff:7f00:1/80",
    "/$/inet/\\x5b::1\\x5d/80",
    "/$/inet/2130706433/ADMIN",
    "/$/inet/0177.0.0.1/ADMIN",
    "/$/inet/0x7f.1/ADMIN",
    "/$/inet/127.1/ADMIN",
    "/$/inet/localhost/ADMIN",
    "/$/io.buoyant.rinet/ADMIN/127.0.0.1",
    "/$/io.buoyant.hostportPfx/open/127.0.0.1:ADMIN",
    "/$/io.buoyant.http.anyHostPfx/$/x/inet/127.1/ADMIN",
    "/open/127.0.0.1/ADMIN",
    "/nothing | /$/inet/127.0.0.1/ADMIN",
    "1 * /$/inet/127.0.0.1/ADMIN & 1 * /$/inet/127.1/ADMIN",
  ];

  it("C13: lead to no address of their own where allowInetFromOverride is false, in any spelling", async () => {
    for (const target of targets) {
      const dst = target.replaceAll("ADMIN", String(proxy.adminPort));
      for (const header of ["l5d-dtab", "l5d-ctx-dtab", "L5D-Dtab"]) {
        const answer = await overridden("inner", dst, header);
        expect([dst, answer.status, answer.body.includes("pong")]).toEqual([dst, 400, false]);
        expect(String(answer.headers["l5d-err"])).toContain("allowInetFromOverride");
      }
    }
    // Brackets are no characters of a name, unless they are written so.
    expect((await overridden("inner", "/$/inet/[::1]/80")).status).toBe(400);
  });

  it("C13: lead to the admin server where nothing forbids it, as with Linkerd", async () => {
    const answer = await ask({
      to: proxy.at("plain"),
      host: "x",
      path: "/admin/ping",
      headers: { "l5d-dtab": `/svc/x => /$/inet/127.0.0.1/${proxy.adminPort} ; /host => /nowhere` },
    });
    // The Host of the request is none of the admin server's: its own guard refuses.
    expect([answer.status, answer.headers["l5d-err"]]).toEqual([403, undefined]);
  });

  it("C13: still lead to names of the router's own rules", async () => {
    const asked = backend.received.length;
    for (const dst of ["/svc/pinned", "/svc/other"]) expect((await overridden("inner", dst)).status).toBe(200);
    const unused = { "l5d-dtab": "/svc/another => /$/inet/127.1/1" };
    expect((await ask({ to: proxy.at("inner"), headers: unused })).status).toBe(200);
    expect(backend.received.length).toBe(asked + 3);
  });

  it("C14: lead to no name that resolves to this host or its link where allowLocalFromOverride is false", async () => {
    const names = ["localhost", "LOCALHOST", "localhost.", "127.1", "0", "::1", "169.254.169.254", "fe80::1"];
    for (const host of names) {
      const answer = await overridden("remote", `/$/inet/${host}/${proxy.adminPort}`);
      expect([host, answer.status]).toEqual([host, 400]);
      expect(String(answer.headers["l5d-err"])).toContain("allowLocalFromOverride");
    }
    const metrics = await proxy.metrics();
    const connects = Object.entries(metrics).filter(([name]) => /^rt\/remote\/client\/%.*\/connects$/.test(name));
    expect(connects.filter(([, value]) => value !== 0)).toEqual([]);
    // The same address by the router's own rules is as good as ever, and is no way around.
    expect((await ask({ to: proxy.at("remote"), host: "x" })).status).toBe(200);
    expect((await overridden("remote", `/$/inet/127.1/${backend.port}`)).status).toBe(400);
    expect((await overridden("remote", "/$/io.buoyant.http.status/418")).status).toBe(418);
  });
});

describe("the profile edge", () => {
  const sampled = Buffer.alloc(32, 7);
  sampled.writeBigUInt64BE(6n, 24);
  const forced = { "l5d-sample": "1", "L5D-Ctx-Trace": sampled.toString("base64") };

  it("C23: takes no order to trace from a client", async () => {
    await ask({ to: proxy.at("plain"), headers: forced });
    const believed = Buffer.from(String(last()["l5d-ctx-trace"]), "base64");
    expect(believed.readBigUInt64BE(24)).toBe(6n);
    expect(believed.subarray(16, 24)).toEqual(sampled.subarray(16, 24));
    await ask({ to: proxy.at("edge"), headers: forced });
    const own = Buffer.from(String(last()["l5d-ctx-trace"]), "base64");
    expect(own.readBigUInt64BE(24)).toBe(0n);
    expect(own.subarray(16, 24)).not.toEqual(sampled.subarray(16, 24));
    expect(last()).not.toHaveProperty("l5d-sample");
  });
});
