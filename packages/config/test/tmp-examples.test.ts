import { readdirSync, readFileSync } from "node:fs";
import { it } from "vitest";
import { z } from "zod";
import { ConfigError, readConfig, Registry, definePlugin } from "../src/index.ts";
import { samplePlugins, sampleRegistry } from "./sample-registry.ts";
const never = (): never => { throw 1; };
const r = Registry.of([...samplePlugins, definePlugin({type: "identifier", kind: "io.l5d.header", schema: z.strictObject({header: z.string().default("l5d-name")}), make: never})]);
it("examples", () => {
  for (const f of readdirSync("/tmp/ex")) {
    try { readConfig(readFileSync("/tmp/ex/" + f, "utf8"), f, r); console.log("OK " + f); } catch (e) { if (!(e instanceof ConfigError)) throw e; console.log(e.message.split("\n").map((l) => l.slice(0, 220)).join("\n")); }
  }
});
it("big", () => {
  const many = "routers:\n- protocol: http\n  servers: [{}]\n  dtab: |\n" + "    /svc/x => /#/io.l5d.fs/y;\n".repeat(330000);
  const keys = Array.from({ length: 600000 }, (_, i) => `key${i}: v\n`).join("");
  const nest = "a: {b: [1, 2, {c: d}]}\n".repeat(400000);
  const dups = "a: 1\n".repeat(1500000);
  const names = "routers: [{protocol: http, servers: [{}]}]\nplugins:\n" + "- abcdefgh\n".repeat(800000);
  const json = JSON.stringify({ routers: [{ protocol: "http", servers: [{}] }], plugins: Array(800000).fill("abcdefgh") });
  const flow = "[".repeat(10_000_000);
  const quote = "a: \"" + "x\n\n".repeat(3_000_000);
  const colons = "a: b: ".repeat(1_500_000);
  const amp = "a: [" + "&a a, *a, ".repeat(900_000) + "]";
  for (const [n, t] of Object.entries({ many, keys, nest, dups, names, json, flow, quote, colons, amp })) {
    const before = process.cpuUsage(); const t0 = performance.now();
    let out = "ok";
    try { readConfig(t, n, sampleRegistry); } catch (e) { out = e instanceof ConfigError ? `${e.issues.length}+${e.omitted} ${e.issues[0]?.message.slice(0, 80)}` : "THROWN " + String(e); }
    console.log(n, t.length, Math.round(performance.now() - t0), "ms cpu", Math.round(process.cpuUsage(before).user / 1000), "rss", Math.round(process.memoryUsage().rss / 1e6), out);
  }
}, 300000);
