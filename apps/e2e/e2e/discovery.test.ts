import { renameSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Backend } from "../src/backend.ts";
import { RunningProxy, TempDir } from "../src/proxy.ts";
import { ask } from "../src/raw-http.ts";

const dir = new TempDir();
let first: Backend;
let second: Backend;
let proxy: RunningProxy;

beforeAll(async () => {
  first = await Backend.start((_req, res) => res.end("first"));
  second = await Backend.start((_req, res) => res.end("second"));
  dir.write("web", `127.0.0.1 ${first.port}\n`);
  proxy = await RunningProxy.start(`
admin: { port: 0 }
namers:
- { kind: io.l5d.fs, rootDir: ${dir.path} }
- { kind: io.l5d.rewrite, prefix: /byApi, pattern: "/{service}/api", name: "/srv/{service}" }
- { kind: dev.weftmesh.static, prefix: /fixed, names: { web: ["127.0.0.1:${second.port}"] } }
routers:
- protocol: http
  dtab: |
    /srv => /#/io.l5d.fs;
    /svc => /srv;
    /svc/fixed => /#/fixed/web;
    /svc/either => /#/io.l5d.fs/absent | /#/io.l5d.fs/web;
    /svc/both => /$/inet/127.1/${first.port} & /$/inet/127.1/${second.port};
  servers: [{ port: 0 }]
- protocol: http
  label: api
  identifier: { kind: io.l5d.path, segments: 2 }
  dtab: /srv => /#/io.l5d.fs ; /svc => /#/byApi
  servers: [{ port: 0, ip: 127.0.0.2 }]
telemetry:
- kind: io.l5d.prometheus
`);
});

afterAll(async () => {
  await proxy?.stop();
  await first?.stop();
  await second?.stop();
  dir.remove();
});

const body = async (host: string): Promise<string> => {
  const answer = await ask({ to: proxy.at(), host });
  return answer.status === 200 ? answer.body : String(answer.status);
};

/** Waits for what a watched file brings about. */
async function eventually(host: string, wanted: string): Promise<void> {
  const end = Date.now() + 10_000;
  while ((await body(host)) !== wanted) {
    if (Date.now() > end) throw new Error(`${host} gave ${await body(host)}, not ${wanted}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe("discovery", () => {
  it("follows a file that changes, is replaced by renaming, goes, and comes back", async () => {
    expect(await body("web")).toBe("first");
    dir.write("web", `127.0.0.1 ${second.port}\n`);
    await eventually("web", "second");
    dir.write(".web.tmp", `127.0.0.1 ${first.port}\n`);
    renameSync(`${dir.path}/.web.tmp`, `${dir.path}/web`);
    await eventually("web", "first");
    rmSync(`${dir.path}/web`);
    await eventually("web", "502");
    dir.write("web", `127.0.0.1 ${first.port}\n`);
    await eventually("web", "first");
  });

  it("takes alternatives in their order, and branches of a union by their weight", async () => {
    expect(await body("either")).toBe("first");
    const seen = new Set<string>();
    for (let i = 0; i < 40; i++) seen.add(await body("both"));
    expect([...seen].sort()).toEqual(["first", "second"]);
  });

  it("knows names that stand in the config, and rewrites names by pattern", async () => {
    expect(await body("fixed")).toBe("second");
    const answer = await ask({ to: proxy.at("api"), host: "x", path: "/web/api/deep" });
    expect([answer.status, answer.body]).toEqual([200, "first"]);
    expect(first.received.at(-1)?.url).toBe("/web/api/deep");
    expect((await ask({ to: proxy.at("api"), host: "x", path: "/web/other" })).status).toBe(502);
  });

  it("explains a name by the code that binds it, and lists the names there are", async () => {
    const get = async (path: string) => (await fetch(`http://127.0.0.1:${proxy.adminPort}${path}`)).json();
    const dtab = encodeURIComponent("/srv => /#/io.l5d.fs; /svc => /srv");
    const tree = (await get(`/delegator.json?namespace=http&path=/svc/web&dtab=${dtab}`)) as Record<string, unknown>;
    expect(JSON.stringify(tree)).toContain('"id":"/#/io.l5d.fs/web"');
    expect(JSON.stringify(tree)).toContain(`"port":${first.port}`);
    expect(await get("/bound-names.json")).toEqual(["/#/fixed/web", "/#/io.l5d.fs/web"]);
    expect(await get("/client_state.json")).toMatchObject({
      "/#/io.l5d.fs/web": { state: "bound", addresses: [`127.0.0.1:${first.port}`] },
    });
  });

  it("shows its metrics to Prometheus under Linkerd's names", async () => {
    const text = await (await fetch(`http://127.0.0.1:${proxy.adminPort}/admin/metrics/prometheus`)).text();
    expect(text).toMatch(/^rt:server:requests\{rt="http", server="127\.0\.0\.1\/0"\} \d+$/m);
    expect(text).toMatch(/^rt:client:requests\{rt="http", client="#\/io\.l5d\.fs\/web"\} \d+$/m);
    expect(text).toMatch(/^process_cpu_seconds_total|^process_resident_memory_bytes/m);
  });
});
