import { chmodSync, existsSync, readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Backend } from "../src/backend.ts";
import { freePort } from "../src/free-port.ts";
import { Program } from "../src/process.ts";
import { proxyArgs, TempDir } from "../src/proxy.ts";
import { ask } from "../src/raw-http.ts";

const dir = new TempDir();
let backend: Backend;

beforeAll(async () => {
  backend = await Backend.start((_req, res, body) => res.end(body));
});
afterAll(async () => {
  await backend.stop();
  dir.remove();
});

const config = (port: number, adminPort = 0): string =>
  `admin: { port: ${adminPort}, shutdownGraceMs: 2000 }\nrouters:\n- protocol: http\n  dtab: /svc/* => /$/inet/127.1/${backend.port}\n  servers: [{ port: ${port} }]\n`;

/** A program that stands for `systemd-notify`, and what it was told, line by line. */
function fakeSystemd(): { env: Record<string, string>; told(): readonly string[] } {
  const file = `${dir.path}/told`;
  chmodSync(dir.write("systemd-notify", `#!/bin/sh\nprintf '%s\\n' "$*" >> ${file}\n`), 0o755);
  return {
    env: {
      PATH: `${dir.path}:${process.env["PATH"] ?? ""}`,
      NOTIFY_SOCKET: `${dir.path}/notify`,
      WATCHDOG_USEC: "400000",
    },
    told: () => (existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : []),
  };
}

describe("under systemd", () => {
  it("the process says that it is ready, that it lives, that it reloads and that it stops", async () => {
    const [port, adminPort] = [await freePort(), await freePort()];
    const { env, told } = fakeSystemd();
    const file = dir.write("proxy.yaml", config(port, adminPort));
    const program = new Program(process.execPath, [...proxyArgs, file], { env });
    await vi.waitFor(() => expect(told()).toContain(`MAINPID=${program.pid} READY=1 STATUS=serving`), {
      timeout: 20_000,
    });
    await vi.waitFor(() => expect(told()).toContain("WATCHDOG=1"), { timeout: 10_000 });
    dir.write("proxy.yaml", "routers: []");
    program.child.kill("SIGHUP");
    await vi.waitFor(() => expect(told()).toContain("READY=1 STATUS=serving; the last config was refused"), {
      timeout: 10_000,
    });
    expect(told().some((line) => line.startsWith("RELOADING=1 MONOTONIC_USEC="))).toBe(true);
    expect(await program.stop()).toBe(0);
    await vi.waitFor(() => expect(told()).toContain("STOPPING=1 STATUS=finishing requests"), { timeout: 10_000 });
  });

  it("workers answer on a socket that systemd opened", async () => {
    const holder = createServer({ pauseOnConnect: true });
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    const { port } = holder.address() as AddressInfo;
    const { fd } = (holder as unknown as { _handle: { fd: number } })._handle;
    const script = 'LISTEN_PID=$$ exec "$0" "$@"';
    const args = [...proxyArgs, "--workers", "2", dir.write("activated.yaml", config(port))];
    const program = new Program("/bin/sh", ["-c", script, process.execPath, ...args], {
      env: { LISTEN_FDS: "1" },
      descriptors: [fd],
    });
    await program.prints(/: initialized\n/);
    await new Promise((resolve) => holder.close(resolve));
    for (const body of ["a", "b", "c"]) {
      expect((await ask({ to: { ip: "127.0.0.1", port }, method: "POST", body })).body).toBe(body);
    }
    expect(await program.stop()).toBe(0);
  });
});
