import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Backend } from "../src/backend.ts";
import { root } from "../src/process.ts";
import { RunningProxy, TempDir } from "../src/proxy.ts";
import { ask } from "../src/raw-http.ts";

const dir = new TempDir();
let backend: Backend;
let proxy: RunningProxy;

/** Somebody else's module, which does all that it should not to requests that ask for it. */
const plugin = `
import { definePlugin } from "${pathToFileURL(join(root, "packages/config/src/index.ts")).href}";
import { filterModule, role } from "${pathToFileURL(join(root, "packages/core/src/index.ts")).href}";
import { z } from "${pathToFileURL(join(root, "node_modules/zod/index.js")).href}";

const at = role("acme.guest");
const faults = {
  exit: () => process.exit(1),
  exitLater: () => void setTimeout(() => process.exit(1), 1),
  throw: () => { throw new Error("at the request"); },
  throwLater: () => void setTimeout(() => { throw new Error("a turn later"); }, 1),
  reject: () => void Promise.reject(new Error("nobody listens")),
};
export const plugins = [
  definePlugin({
    type: "module",
    kind: "com.acme.guest",
    schema: z.strictObject({}),
    make: () => ({
      role: at,
      stackable: filterModule({
        role: at,
        description: "A guest without manners",
        params: {},
        filter: () => (req, ctx, next) => {
          faults[req.headers.get("x-fault")]?.();
          return next.call(req, ctx);
        },
      }),
    }),
  }),
];
`;

beforeAll(async () => {
  backend = await Backend.start();
  dir.write("guest.mjs", plugin);
  const config = `admin: { port: 0 }
plugins: [./guest.mjs]
routers:
- protocol: http
  dtab: /svc/* => /$/inet/127.1/${backend.port}
  servers: [{ port: 0 }]
  stack:
    path:
    - { after: dstService, insert: { kind: com.acme.guest } }
`;
  proxy = await RunningProxy.start(config, { cwd: dir.path });
});
afterAll(async () => {
  await proxy.stop();
  await backend.stop();
  dir.remove();
});

describe("I11: a plugin with faults", () => {
  it.each([
    ["exit", 502, /process\.exit/],
    ["throw", 502, /at(%20|\+| )the/],
    ["exitLater", 200, /unhandled: .*process\.exit was called .*guest\.mjs/],
    ["throwLater", 200, /unhandled: .*a turn later/],
    ["reject", 200, /unhandled: .*nobody listens/],
  ])(
    "costs the one request at most by %s, is named in the log, and the process goes on",
    async (fault, status, line) => {
      const faulty = await ask({ to: proxy.at(), headers: { "x-fault": fault } });
      expect(faulty.status).toBe(status);
      if (status !== 200) expect(faulty.headers["l5d-err"]).toMatch(line);
      else await proxy.program.prints(line);
      expect((await ask({ to: proxy.at() })).status).toBe(200);
    },
  );
});
