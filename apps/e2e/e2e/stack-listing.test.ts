import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "../src/process.ts";
import { TempDir } from "../src/proxy.ts";
import { weft } from "../src/weft.ts";

it("the stacks of the example are, role by role, those that docs/architecture.md lists", async () => {
  const page = readFileSync(join(root, "docs/architecture.md"), "utf8");
  const section = page.slice(page.indexOf("\n## The stacks\n")).split("\n## ")[1] ?? "";
  const listed: Record<string, string[]> = {};
  for (const [, name = "", roles = ""] of section.matchAll(/^(server|path|bound|client) +(\S.*)$/gm)) {
    listed[name] = roles.split(", ");
  }
  const { code, output } = await weft("check", "--json", "docs/examples/hello/hello.yaml");
  expect(code).toBe(0);
  const { stacks } = JSON.parse(output).routers[0] as { stacks: Record<string, { role: string }[]> };
  const built = Object.fromEntries(Object.entries(stacks).map(([name, rows]) => [name, rows.map(({ role }) => role)]));
  expect(Object.values(built).flat().length).toBeGreaterThan(20);
  expect(listed).toEqual(built);
});

it("the stacks of an h2 router are those that docs/architecture.md lists", async () => {
  const page = readFileSync(join(root, "docs/architecture.md"), "utf8");
  const listed: Record<string, string[]> = {};
  for (const [, name = "", roles = ""] of page.matchAll(/^h2 (server|path|bound|client) +(\S.*)$/gm)) {
    listed[name] = roles.split(", ");
  }
  const dir = new TempDir();
  const file = dir.write("h2.yaml", "routers: [{ protocol: h2, servers: [{ port: 0 }] }]\n");
  const { code, output } = await weft("check", "--json", file);
  dir.remove();
  expect(code).toBe(0);
  const { stacks } = JSON.parse(output).routers[0] as { stacks: Record<string, { role: string }[]> };
  const built = Object.fromEntries(Object.entries(stacks).map(([name, rows]) => [name, rows.map(({ role }) => role)]));
  expect(Object.values(built).flat().length).toBeGreaterThan(20);
  expect(listed).toEqual(built);
});
