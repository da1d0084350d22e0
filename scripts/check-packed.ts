import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newPlugin } from "./new-plugin.ts";
import { type Packed, packAll } from "./pack.ts";
import { root } from "./workspace.ts";

// Installs the packed tarballs outside of the workspace, as a user would, and builds and runs on them: the plugin
// template with its tests, the third party's plugin, and the custom proxy that holds it.
const folder = realpathSync(mkdtempSync(join(tmpdir(), "packed-")));
const started: ChildProcess[] = [];
try {
  const packed = packAll(join(root, ".packed"));
  const unbuilt = packed.filter((each) => !existsSync(join(root, each.member.dir, "dist/index.js")));
  if (unbuilt.length > 0) throw new Error(`not built: ${unbuilt.map((each) => each.member.dir).join(", ")}`);
  checkTemplate(packed);
  await checkExamples();
} finally {
  for (const each of started) each.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}

function checkTemplate(packed: readonly Packed[]): void {
  const at = join(folder, "template");
  newPlugin({ folder: at, name: "@acme/weftmesh-plugin-new", domain: "com.acme" });
  install(at, packed);
  for (const script of ["typecheck", "build", "test"]) run("npm", ["run", script], at);
  const made = `import { plugins } from "@acme/weftmesh-plugin-new"; console.log(plugins.map((each) => each.kind).join());`;
  const said = run("node", ["--input-type=module", "-e", made], at);
  if (said.trim() !== "com.acme.slowCalls,com.acme.hosts") throw new Error(`the template's plugins are ${said}`);
  console.log("ok   the plugin template builds, passes its tests and loads");
}

/** What was installed for the template serves these too: they stand beside it, under the same tarballs. */
async function checkExamples(): Promise<void> {
  symlinkSync(join(folder, "template/node_modules"), join(folder, "node_modules"));
  const tsc = join(folder, "node_modules/typescript/bin/tsc");
  const plugin = join(folder, "plugin");
  cpSync(join(root, "docs/examples/third-party-plugin"), plugin, { recursive: true });
  run("node", [tsc, "-p", "tsconfig.json"], plugin);
  run("npm", ["pack", "--ignore-scripts"], plugin);
  console.log("ok   the third party's plugin builds");

  const proxy = join(folder, "proxy");
  cpSync(join(root, "docs/examples/custom-proxy"), proxy, { recursive: true });
  const installed = join(proxy, "node_modules/@acme/weftmesh-plugin-audit");
  mkdirSync(installed, { recursive: true });
  run("tar", ["xzf", join(plugin, "acme-weftmesh-plugin-audit-1.0.0.tgz"), "--strip-components=1"], installed);
  run("node", [tsc, "-p", "tsconfig.json"], proxy);
  console.log("ok   the custom proxy builds");
  await tryProxy(proxy);
  console.log("ok   the custom proxy runs, answers and counts");
}

/** Starts the custom proxy on free ports, sends one request through it and reads the audit's counter. */
async function tryProxy(at: string): Promise<void> {
  const backend = createServer((_req, rep) => rep.end("from the backend"));
  const backendPort = await listening(backend);
  const [serverPort, adminPort] = [await freePort(), await freePort()];
  const config = readFileSync(join(at, "proxy.yaml"), "utf8")
    .replace("4140", `${serverPort}`)
    .replace("9990", `${adminPort}`);
  writeFileSync(join(at, "proxy.yaml"), config);
  const child = spawn("node", ["dist/main.js", "proxy.yaml"], { cwd: at, stdio: "inherit" });
  started.push(child);
  try {
    const body = await eventually(() => get(serverPort, "/", `${backendPort}`));
    if (body !== "from the backend") throw new Error(`the custom proxy answered ${JSON.stringify(body)}`);
    const metrics = await eventually(() => get(adminPort, "/admin/metrics.json", `127.0.0.1:${adminPort}`));
    const counted = Object.entries(JSON.parse(metrics) as Record<string, number>).find(([name]) =>
      name.endsWith("/audit/ok"),
    );
    if (counted?.[1] !== 1) throw new Error(`the audit counted ${JSON.stringify(counted)}, not one call`);
    const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
    child.kill("SIGTERM");
    const code = await ended;
    if (code !== 0) throw new Error(`the custom proxy ended with ${code} after SIGTERM`);
  } finally {
    backend.close();
    backend.closeAllConnections();
  }
}

/** Writes the tarballs into the manifest and installs; what npm has in its cache is not fetched again. */
function install(at: string, packed: readonly Packed[]): void {
  const file = join(at, "package.json");
  const manifest = JSON.parse(readFileSync(file, "utf8"));
  for (const { member, tarball } of packed) {
    manifest.devDependencies[member.manifest.name] = `file:${tarball}`;
    delete manifest.peerDependencies[member.manifest.name];
  }
  writeFileSync(file, JSON.stringify(manifest, null, 2));
  run("npm", ["install", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"], at);
}

function run(command: string, args: readonly string[], cwd: string): string {
  try {
    return execFileSync(command, [...args], {
      cwd,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 1 << 26,
    });
  } catch (thrown) {
    const { stdout, stderr } = thrown as { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`${command} ${args.join(" ")} failed in ${cwd}\n${stdout ?? ""}${stderr ?? ""}`);
  }
}

function get(port: number, path: string, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, headers: { host }, agent: false }, (rep) => {
      const chunks: Buffer[] = [];
      rep.on("data", (chunk: Buffer) => chunks.push(chunk));
      rep.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        if (rep.statusCode === 200) resolve(text);
        else reject(new Error(`${rep.statusCode}: ${text}`));
      });
    });
    sent.on("error", reject);
    sent.end();
  });
}

async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (tries >= 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function listening(server: ReturnType<typeof createServer>): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
