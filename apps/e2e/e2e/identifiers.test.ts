import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Backend } from "../src/backend.ts";
import { root } from "../src/process.ts";
import { RunningProxy, TempDir } from "../src/proxy.ts";
import { ask, sendRaw, type Target } from "../src/raw-http.ts";

const dir = new TempDir();
let backend: Backend;
let proxy: RunningProxy;
let asked: Target;

/** A namer that has not found out anything yet, and an identifier with a fault. */
const plugin = `
import { definePlugin, NoKeys } from "${pathToFileURL(join(root, "packages/config/src/index.ts")).href}";
import { Activity } from "${pathToFileURL(join(root, "packages/core/src/index.ts")).href}";
import { Path } from "${pathToFileURL(join(root, "packages/naming/src/index.ts")).href}";
export const plugins = [
  definePlugin({
    type: "namer",
    kind: "com.acme.silent",
    schema: NoKeys,
    make: () => ({ prefix: Path.of("com.acme.silent"), namer: { lookup: () => Activity.pending } }),
  }),
  definePlugin({
    type: "identifier",
    kind: "com.acme.faulty",
    schema: NoKeys,
    make: () => ({ identify: () => { throw new TypeError("a fault of the plugin\\r\\nE 0101 forged"); } }),
  }),
];
`;

beforeAll(async () => {
  backend = await Backend.start();
  dir.write("silent.mjs", plugin);
  proxy = await RunningProxy.start(
    `
admin: { port: 0, httpIdentifierPort: 0 }
plugins: [./silent.mjs]
namers: [{ kind: com.acme.silent }]
routers:
- protocol: http
  originator: true
  bindingTimeoutMs: 200
  dtab: |
    /svc/* => /$/inet/127.1/${backend.port} ;
    /svc/silent => /#/com.acme.silent ;
    /svc/none => /$/com.acme.none ;
    /svc/empty => /$/nil ;
    /svc/failing => /$/fail ;
  servers: [{ port: 0 }]
- protocol: http
  label: list
  dstPrefix: /http
  identifier:
  - { kind: io.l5d.header }
  - { kind: io.l5d.path, segments: 2, consume: true }
  - { kind: io.l5d.methodAndHost }
  dtab: /http => /$/inet/127.1/${backend.port}
  servers: [{ port: 0, ip: 127.0.0.2 }]
- protocol: http
  label: faulty
  identifier: [{ kind: com.acme.faulty }, { kind: io.l5d.static, path: /x }]
  dtab: /svc => /$/inet/127.1/${backend.port}
  servers: [{ port: 0, ip: 127.0.0.3 }]
`,
    { cwd: dir.path },
  );
  const [, port] = /serving http identifier on \/127\.0\.0\.1:(\d+)\n/.exec(proxy.program.output) ?? [];
  asked = { ip: "127.0.0.1", port: Number(port) };
});

afterAll(async () => {
  await proxy?.stop();
  await backend?.stop();
  dir.remove();
});

describe("httpIdentifierPort", () => {
  it("answers with what the identifiers of each router make of a request, and sends it nowhere", async () => {
    const before = backend.received.length;
    const answer = await ask({ to: asked, host: "web", method: "PUT", path: "/a/b/c?d" });
    expect([answer.status, answer.headers["content-type"]]).toEqual([200, "application/json"]);
    const found = JSON.parse(answer.body);
    expect(found.http.path).toBe("/svc/web");
    expect(found.http.dtab).toContain(`/svc/*=>/$/inet/127.1/${backend.port}`);
    expect(found.list).toEqual({ path: "/http/a/b", dtab: `/http=>/$/inet/127.1/${backend.port}` });
    expect(found.faulty).toEqual({ error: "a fault of the plugin\r\nE 0101 forged" });
    expect(backend.received.length).toBe(before);
  });

  it("says why there is no name, for a request of any form", async () => {
    const bare = await sendRaw(asked, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    expect(JSON.parse(bare.slice(bare.indexOf("{"), bare.lastIndexOf("}") + 1)).http).toEqual({
      error: "Host header is absent",
    });
    const named = await ask({ to: asked, host: "web", path: "/", headers: { "l5d-name": "no path" } });
    expect(JSON.parse(named.body).list).toEqual({ error: expect.any(String) });
    const old = await sendRaw(asked, "GET /x HTTP/1.0\r\n\r\n");
    expect(old).toContain('"/http/1.0/GET"');
  });

  it("is closed with the proxy, and the router is marked as an originator as long as it runs", async () => {
    const metrics = await proxy.metrics();
    expect(metrics["rt/http/originator"]).toBe(1);
    expect(metrics["rt/list/originator"]).toBeUndefined();
  });
});

describe("a list of identifiers", () => {
  it("is asked in order, and the first with a name is believed", async () => {
    await ask({ to: proxy.at("list"), path: "/a/b/c/?q=/d", headers: { "l5d-name": "/from/header" } });
    expect(backend.received.at(-1)).toMatchObject({
      url: "/a/b/c/?q=/d",
      headers: { "l5d-dst-service": "/http/from/header" },
    });
    await ask({ to: proxy.at("list"), path: "/a/b/c/?q=/d" });
    expect(backend.received.at(-1)).toMatchObject({ url: "/c/?q=/d", headers: { "l5d-dst-service": "/http/a/b" } });
    await ask({ to: proxy.at("list"), path: "/a", host: "WEB" });
    expect(backend.received.at(-1)).toMatchObject({ url: "/a", headers: { "l5d-dst-service": "/http/1.1/GET/web" } });
  });

  it("C25: ends where one fails: the answer is 400, and its own fault is in the log, on one line", async () => {
    const bad = await ask({ to: proxy.at("list"), path: "/a/b", headers: { "l5d-name": "no path" } });
    expect(bad.status).toBe(400);
    expect(bad.body).toMatch(/^Unknown destination: Request\("GET \/a\/b", from 127\.0\.0\.1:\d+\) \/ /);
    const faulty = await ask({ to: proxy.at("faulty") });
    expect([faulty.status, faulty.body]).toEqual([
      400,
      expect.stringMatching(/ \/ a fault of the plugin\r\nE 0101 forged$/),
    ]);
    // The line comes by another way than the answer, and may come behind it.
    await proxy.program.prints(/^E .*identification failed: .*a fault of the plugin\\u000d\\u000aE 0101 forged$/m);
  });
});

describe("a name that leads nowhere", () => {
  it.each([
    ["silent", 503, /^Exceeded 200\.milliseconds binding timeout while resolving name: \/svc\/silent$/],
    ["none", 502, /^Unknown namer: com\.acme\.none for path: \/\$\/com\.acme\.none$/],
    ["empty", 502, /^Unable to route request!\n\nservice name: \/svc\/empty\n/],
    ["failing", 502, /^Unable to route request!\n\nservice name: \/svc\/failing\n/],
  ])("%s: has Linkerd's status and message, in the body and in l5d-err", async (host, status, message) => {
    const answer = await ask({ to: proxy.at(), host });
    expect(answer.status).toBe(status);
    expect(answer.body).toMatch(message);
    const said = decodeURIComponent(String(answer.headers["l5d-err"]).replaceAll("+", " "));
    expect(said).toBe(answer.body);
    expect(answer.headers["via"]).toBeUndefined();
    expect(answer.headers["l5d-retryable"]).toBeUndefined();
  });
});
