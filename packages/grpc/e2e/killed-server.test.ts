import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { DestParam } from "@weftmesh/balancer";
import { ClockParam, Params, RngParam, systemClock, Var } from "@weftmesh/core";
import { type Address, address, boundAddr } from "@weftmesh/naming";
import { MetricsRegistry, metricsJson, StatsParam } from "@weftmesh/telemetry";
import { seededRng } from "@weftmesh/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { grpcClient } from "../src/index.ts";
import { echoOver, say } from "../test/support/echo.ts";

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

async function serverProcess(): Promise<{ readonly child: ChildProcess; readonly at: Address }> {
  const main = fileURLToPath(new URL("../test/support/echo-main.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", "--conditions=@weftmesh/source", main], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  if (child.stdout === null) throw new TypeError("no output");
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, at: address("127.0.0.1", Number(line.toString())) };
}

describe("a server that is killed", () => {
  it("takes no call with it while another one lives, whatever was under way", { timeout: 60_000 }, async () => {
    const [one, two] = await Promise.all([serverProcess(), serverProcess()]);
    const metrics = new MetricsRegistry();
    const mesh = grpcClient(
      Params.empty
        .with(ClockParam, systemClock)
        .with(RngParam, seededRng(1))
        .with(StatsParam, metrics.scope("rt"))
        .with(DestParam, Var.of(boundAddr([one.at, two.at]))),
    );
    const client = echoOver(mesh);
    const codes = new Map<number, number>();
    let calls = 0;
    const worker = async (): Promise<void> => {
      while (calls++ < 2000) {
        if (calls === 600) one.child.kill("SIGKILL");
        const { error } = await say(client, "x");
        const code = error?.code ?? 0;
        codes.set(code, (codes.get(code) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: 20 }, worker));
    expect([...codes]).toEqual([[0, 2000]]);
    expect(one.child.signalCode).toBe("SIGKILL");
    const values = JSON.parse(metricsJson(metrics, new URLSearchParams()).body) as Record<string, number>;
    // Those that were with it were sent again, and so were those that found nobody there.
    const again = (values["rt/retries/total"] ?? 0) + (values["rt/retries/requeues"] ?? 0);
    expect(again).toBeGreaterThan(0);
    expect(again).toBeLessThan(400);
    await mesh.close();
  });
});
