import { afterAll, describe, expect, it } from "vitest";
import { Folder, weft } from "./run.ts";

const folder = new Folder();
afterAll(() => folder.remove());

const good = `admin: {port: 0}
namers:
- kind: io.l5d.fs
  rootDir: ${folder.path}
routers:
- protocol: http
  label: web
  dtab: /svc => /#/io.l5d.fs
  servers:
  - port: 4140
    ip: 0.0.0.0
    maxCallDepth: 20
`;

describe("weft check", () => {
  it("says what a good config would run: routers, stacks in order, namers, warnings", async () => {
    const { code, out, err } = await weft("check", folder.write("good.yaml", good));
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^the configuration is good\n/);
    expect(out).toContain("router web (http) on 0.0.0.0:4140");
    expect(out).toContain("warning: router web on 0.0.0.0:4140 believes");
    const inOrder = [
      "server stack",
      "maxCallDepth",
      "path stack",
      "dstService",
      "client stack",
      "loadBalancer",
      "pool ",
    ];
    const places = inOrder.map((text) => out.indexOf(text));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
    expect(out).toMatch(/^ +maxCallDepth .*maxCallDepth=20$/m);
    expect(out).toMatch(/^ +io\.l5d\.fs +\/#\/io\.l5d\.fs$/m);
    expect(out).not.toContain("from\n");
  });

  it("prints no colours where there is no terminal", async () => {
    const { out } = await weft("check", folder.write("good.yaml", good));
    const { err } = await weft("check", folder.write("bad.yaml", "routers: 1\n"));
    expect(out + err).not.toContain("\u001b");
  });

  it("lists every setting with where it comes from, when asked", async () => {
    const { out } = await weft("check", "--settings", folder.write("good.yaml", good));
    expect(out).toMatch(/^ +routers\[0\]\.servers\[0\]\.maxCallDepth +20 +\S*good\.yaml:12:5$/m);
    expect(out).toMatch(/^ +routers\[0\]\.maxHeadersKB +8 +default$/m);
  });

  it("says the same to programs with --json", async () => {
    const { code, out, err } = await weft("check", "--json", folder.write("good.yaml", good));
    expect([code, err]).toEqual([0, ""]);
    const report = JSON.parse(out);
    expect(report.routers[0]).toMatchObject({ label: "web", protocol: "http" });
    expect(Object.keys(report.routers[0].stacks)).toEqual(["server", "path", "bound", "client"]);
    expect(report.namers).toEqual([{ kind: "io.l5d.fs", prefix: "/#/io.l5d.fs" }]);
    expect(report.warnings).toHaveLength(2);
    expect(report.settings.length).toBeGreaterThan(20);
  });

  it("I1: prints each mistake with file, line and column, and a caret below the place, and fails", async () => {
    const file = folder.write(
      "bad.yaml",
      good.replace("maxCallDepth: 20", "maxCallDeth: 20").replace("port: 0", "port: x"),
    );
    const { code, out, err } = await weft("check", file);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain(`${file}:12:5: routers[0].servers[0].maxCallDeth: unknown key`);
    expect(err).toContain("did you mean maxCallDepth?");
    expect(err).toContain(`${file}:1:15: admin.port: `);
    const lines = err.split("\n");
    const shown = lines.findIndex((line) => /^ *12 \| /.test(line));
    expect((lines[shown + 1] as string).indexOf("^")).toBe((lines[shown] as string).indexOf("maxCallDeth"));
  });

  it("gives the mistakes to programs as JSON, and fails", async () => {
    const { code, out, err } = await weft("check", "--json", folder.write("bad.yaml", "routers: []\n"));
    expect([code, err]).toEqual([1, ""]);
    expect(JSON.stringify(JSON.parse(out))).toContain("At least one router");
  });

  it("names a file that is not there, and a plugin that cannot be loaded", async () => {
    const absent = await weft("check", `${folder.path}/absent.yaml`);
    expect([absent.code, absent.out]).toEqual([1, ""]);
    expect(absent.err).toMatch(/ENOENT.*absent\.yaml/);
    const plugin = await weft("check", "--plugin", "./absent.mjs", folder.write("good.yaml", good));
    expect(plugin.code).toBe(1);
    expect(plugin.err).toContain("plugin ./absent.mjs: cannot be loaded");
  });

  it("C25: shows what a config holds without letting it steer the terminal", async () => {
    const file = folder.write("esc.yaml", good.replace("label: web", 'label: "w\\e[31m\\u202eb"'));
    const { code, out } = await weft("check", "--settings", file);
    expect(code).toBe(0);
    expect(out).not.toContain("\u001b");
    expect(out).not.toContain("\u202e");
    expect(out).toContain("router w\\u001b[31m\\u202eb (http)");
  });
});
