import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Backend } from "../src/backend.ts";
import { listeningPorts } from "../src/listening-ports.ts";
import { Program, root } from "../src/process.ts";
import { proxyArgs, RunningProxy, TempDir } from "../src/proxy.ts";
import { ask } from "../src/raw-http.ts";
import { weft } from "../src/weft.ts";

const dir = new TempDir();
let backend: Backend;

/** A plugin of somebody else's: a module kind that says in a request's headers that it passed by. */
const plugin = `
import { definePlugin } from "${pathToFileURL(join(root, "packages/config/src/index.ts")).href}";
import { filterModule, param, role } from "${pathToFileURL(join(root, "packages/core/src/index.ts")).href}";
import { z } from "${pathToFileURL(join(root, "node_modules/zod/index.js")).href}";

const at = role("acme.mark");
const Times = param("times", 1);
export const plugins = [
  definePlugin({
    type: "module",
    kind: "com.acme.mark",
    schema: z.strictObject({ text: z.string().default("marked") }),
    make: ({ text }) => ({
      role: at,
      stackable: filterModule({
        role: at,
        description: "Marks requests",
        params: { times: Times },
        filter: ({ times }) => (req, ctx, next) => {
          const before = req.headers.get("x-mark");
          req.headers.set("x-mark", (before === undefined ? "" : before + ",") + text.repeat(times));
          return next.call(req, ctx);
        },
      }),
    }),
  }),
];
`;

const config = (stack: string, port = 0): string => `admin: { port: 0 }
plugins: [./acme.mjs]
routers:
- protocol: http
  dtab: /svc/* => /$/inet/127.1/${backend.port}
  servers: [{ port: ${port}, timestampHeader: x-received, maxCallDepth: 3 }]
  stack:
${stack}
`;

beforeAll(async () => {
  backend = await Backend.start();
  dir.write("acme.mjs", plugin);
});
afterAll(async () => {
  await backend.stop();
  dir.remove();
});

describe("a config with a plugin and changes to the stacks", () => {
  it("has the plugin's module before, after and in place of roles, and the parameters that it sets", async () => {
    const stack = `    server:
    - { before: maxCallDepth, insert: { kind: com.acme.mark, text: a } }
    - { replace: timestampHeader, with: { kind: com.acme.mark, text: b } }
    - { set: maxCallDepth, params: { maxCallDepth: 1 } }
    path:
    - { after: dstService, insert: { kind: com.acme.mark, text: c } }
    client:
    - { before: pool, insert: { kind: com.acme.mark } }
    - { set: acme.mark, params: { times: 2 } }
    - { remove: traceHeaders }`;
    const proxy = await RunningProxy.start(config(stack), { cwd: dir.path });
    try {
      expect((await ask({ to: proxy.at() })).status).toBe(200);
      const seen = backend.received.at(-1)?.headers ?? {};
      expect(seen["x-mark"]).toBe("b,a,c,markedmarked");
      expect(seen["x-received"]).toBeUndefined();
      expect(seen["l5d-reqid"]).toBeUndefined();
      const refused = await ask({ to: proxy.at(), headers: { via: "1, 2" } });
      expect([refused.status, refused.body]).toEqual([
        400,
        "Maximum number of calls (1) has been exceeded. Please check for proxy loops.",
      ]);
      const shown = await fetch(`http://127.0.0.1:${proxy.adminPort}/admin/stacks.json`);
      const { stacks } = ((await shown.json()) as { http: { stacks: Record<string, { role: string }[]> } }).http;
      const roles = stacks["server"]?.map(({ role }) => role) ?? [];
      expect(roles.slice(roles.indexOf("forwarded")).slice(0, 4)).toEqual([
        "forwarded",
        "acme.mark",
        "acme.mark",
        "maxCallDepth",
      ]);
    } finally {
      await proxy.stop();
    }
  });

  it.each([
    ["remove: nope", "- { remove: nope }", /the stack has no role nope; it has (.*, )?requestContext, .*serverTimeout/],
    [
      "set: nope",
      "- { set: nope, params: { a: 1 } }",
      /the stack has no role nope; it has (.*, )?requestContext, .*serverTimeout/,
    ],
    [
      "set: a parameter",
      "- { set: maxCallDepth, params: { depth: 1 } }",
      /maxCallDepth has no parameter depth; it has maxCallDepth/,
    ],
    ["insert: a kind", "- { before: forwarded, insert: { kind: com.acme.mrk } }", /com\.acme\.mrk/],
    [
      "insert: a key",
      "- { before: forwarded, insert: { kind: com.acme.mark, txt: 1 } }",
      /txt: unknown key.*did you mean text\?/,
    ],
  ])("I1: is refused with the line of a mistake in it, and no port is bound: %s", async (_what, edit, message) => {
    const program = new Program(process.execPath, [...proxyArgs, "-"], {
      cwd: dir.path,
      stdin: config(`    server:\n    ${edit}`, 23_918),
    });
    const seen = new Set<number>();
    while (program.running && !program.output.includes("initialized")) {
      for (const each of listeningPorts(program.pid)) seen.add(each);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await program.stop()).toBe(1);
    expect(program.output).toMatch(/^-:9:\d+: routers\[0\]\.stack\.server\[0\]/m);
    expect(program.output).toMatch(message);
    expect([...seen]).toEqual([]);
  });

  it("is shown by weft check as it would be built", async () => {
    const file = dir.write("proxy.yaml", config("    bound: [{ after: dstClient, insert: { kind: com.acme.mark } }]"));
    const { code, output } = await weft(
      "check",
      "--plugin",
      join(dir.path, "acme.mjs"),
      "--json",
      file.replace("./", ""),
    );
    // The config names the plugin from the working directory, where it is not.
    expect(code).toBe(1);
    expect(output).toContain("plugin ./acme.mjs: cannot be loaded");
    const named = dir.write(
      "named.yaml",
      config("    bound: [{ after: dstClient, insert: { kind: com.acme.mark } }]").replace(
        "plugins: [./acme.mjs]\n",
        "",
      ),
    );
    const shown = await weft("check", "--plugin", join(dir.path, "acme.mjs"), named);
    expect(shown.code).toBe(0);
    expect(shown.output).toMatch(/^ +acme\.mark +Marks requests +times=1 \(default\)$/m);
  });
});
