import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Backend } from "../src/backend.ts";
import { Program, root } from "../src/process.ts";
import { proxyArgs, TempDir } from "../src/proxy.ts";
import { ask } from "../src/raw-http.ts";

const dir = new TempDir();
let backend: Backend;

beforeAll(async () => {
  backend = await Backend.start();
});
afterAll(async () => {
  await backend.stop();
  dir.remove();
});

/** As somebody else writes it: it names our packages, and stands where none of them is installed. */
const plugin = `
import { definePlugin, NoKeys } from "@weftmesh/config";
import { filterModule, role } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";

const count = filterModule({
  role: role("acme.count"),
  description: "Counts calls",
  params: { stats: StatsParam },
  filter: ({ stats }) => {
    const calls = stats.counter("acme", "calls");
    return (req, ctx, next) => {
      calls.inc();
      return next.call(req, ctx);
    };
  },
});

export const plugins = [
  definePlugin({ type: "module", kind: "com.acme.count", schema: NoKeys, make: () => ({ role: role("acme.count"), stackable: count }) }),
];
`;

const bundle = join(root, "apps/proxy/dist/main.js");
const forms: readonly (readonly [string, readonly string[], boolean])[] = [
  ["from source", proxyArgs, true],
  ["as it is built", [bundle], existsSync(bundle)],
];

describe("a plugin that is loaded by name", () => {
  for (const [form, args, there] of forms) {
    it.skipIf(!there)(`has the very parameters of the proxy that it is loaded into, ${form}`, async () => {
      dir.write("plugin.mjs", plugin);
      const config = dir.write(
        "proxy.yaml",
        `admin: { port: 0 }
plugins: [./plugin.mjs]
routers:
- protocol: http
  dtab: /svc/* => /$/inet/127.1/${backend.port}
  servers: [{ port: 0 }]
  stack: { path: [{ before: totalTimeout, insert: { kind: com.acme.count } }] }
`,
      );
      const program = new Program(process.execPath, [...args, config], { cwd: dir.path });
      const [, adminPort] = await program.prints(/serving http admin on \/127\.0\.0\.1:(\d+)\n/);
      const [, port] = await program.prints(/serving http on \/127\.0\.0\.1:(\d+)\n[\s\S]*initialized/);
      expect((await ask({ to: { ip: "127.0.0.1", port: Number(port) }, host: "web" })).status).toBe(200);
      const metrics = await (await fetch(`http://127.0.0.1:${adminPort}/admin/metrics.json`)).json();
      expect(metrics).toMatchObject({ "rt/http/service/svc/web/acme/calls": 1 });
      expect(await program.stop()).toBe(0);
    });
  }
});
