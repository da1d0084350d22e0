import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { validate } from "dockerfile-utils";
import { DaemonSet, Deployment } from "kubernetes-models/apps/v1";
import { ConfigMap, Namespace, Service } from "kubernetes-models/v1";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { type ReadConfig, Registry, readConfig } from "../../packages/config/src/index.ts";
import { exposureWarnings } from "../../packages/proxy/src/exposure-warnings.ts";
import { standardPlugins } from "../../plugins/standard/src/index.ts";
import { buildImage, contextFiles, copyOf, dockerfile, instructionsOf, isIgnored, wordsOf } from "../image.ts";
import { filesBelow, root } from "../workspace.ts";

const folder = "apps/proxy/deploy";
const read = (file: string): string => readFileSync(join(root, folder, file), "utf8");
const registry = Registry.of([...standardPlugins]);
const temp = mkdtempSync(join(tmpdir(), "weft-deploy-"));
afterAll(() => rmSync(temp, { recursive: true, force: true }));

const image = readFileSync(join(root, dockerfile), "utf8");
const instructions = instructionsOf(image);
const said = (keyword: string): string => instructions.findLast((each) => each.keyword === keyword)?.text ?? "";

describe("the Dockerfile", () => {
  it("has no mistake that a linter knows of", () => {
    expect(validate(image).map(({ message, range }) => `${range.start.line + 1}: ${message}`)).toEqual([]);
    expect(validate("FROM a\nCOPPY x y\nCMD a\nCMD b\n").length).toBeGreaterThan(0);
  });

  it("runs as nobody, is told of signals itself, and asks after its health without a shell", () => {
    expect(said("USER")).toBe("65534:65534");
    expect(wordsOf(said("ENTRYPOINT"))).toEqual(["/usr/local/bin/node", "/opt/weft/proxy/main.js"]);
    expect(wordsOf(said("CMD"))).toEqual(["/etc/weft/proxy.yaml"]);
    expect(said("HEALTHCHECK")).toMatch(/CMD \["\/usr\/local\/bin\/node", "\/opt\/weft\/healthcheck\.mjs"\]$/);
    expect(instructions.filter(({ keyword, stage }) => keyword === "RUN" && stage === undefined)).toEqual([]);
  });

  it("has what it copies, and builds with the lockfile and no install script", () => {
    const files = contextFiles();
    for (const file of ["package.json", "package-lock.json", "tsup.program.ts", "apps/proxy/src/main.ts"]) {
      expect(files).toContain(file);
    }
    expect(files.filter((file) => /(^|\/)(test|e2e|bench|docs|logs|node_modules|\.git)\//.test(file))).toEqual([]);
    const commands = instructions.filter(({ keyword }) => keyword === "RUN").map(({ text }) => text);
    expect(commands[0]).toMatch(/^npm ci --ignore-scripts( |$)/);
    const copies = instructions.filter(({ keyword }) => keyword === "COPY");
    expect(copies.length).toBeGreaterThan(1);
    for (const { text } of copies) {
      const { from, sources } = copyOf(text);
      if (from === undefined) for (const source of sources) expect(existsSync(join(root, source))).toBe(true);
      else expect(instructions.some(({ stage }) => stage === from)).toBe(true);
    }
  });

  it("would be found out when a file it needs were ignored", () => {
    expect(isIgnored("a/test/b.ts", ["*", "!a", "**/test"])).toBe(true);
    expect(isIgnored("a/b.ts", ["*", "!a", "**/test"])).toBe(false);
    expect(isIgnored("b.ts", ["*", "!a"])).toBe(true);
  });
});

describe("the image", () => {
  let made = "";
  beforeAll(() => {
    made = buildImage(temp);
  }, 120_000);

  it("holds the program, the command line and the licence, and no source", () => {
    const files = filesBelow("", /./, made);
    for (const file of ["proxy/main.js", "proxy/library.js", "cli/main.js", "healthcheck.mjs", "LICENSE", "NOTICE"]) {
      expect(files).toContain(`opt/weft/${file}`);
    }
    expect(files.filter((file) => /\.ts$|package\.json$|node_modules/.test(file))).toEqual([]);
  });

  const config = `
admin: { port: 0 }
routers: [{ protocol: http, profile: edge, dtab: /svc => /$/io.buoyant.http.status/204, servers: [{ port: 0 }] }]
`;

  it.skipIf(!canChangeRoot())(
    "I14: runs with a read-only root as user 65534, with no home and no place for files, and ends on SIGTERM",
    async () => {
      const jail = mkdtempSync(join(temp, "root-"));
      const program = wordsOf(said("ENTRYPOINT"))[1] ?? "";
      // Nothing is written, or it would fail: / and all below it are mounted read-only, also where nobody may write.
      const script = [
        "set -e",
        "mount --make-rprivate /",
        `mount --bind / ${jail}`,
        `mount --bind ${made}/opt ${jail}/opt`,
        `mount --bind ${made}/opt ${jail}/tmp`,
        `mount --bind /proc ${jail}/proc`,
        `mount -o remount,bind,ro ${jail}/opt`,
        `mount -o remount,bind,ro ${jail}/tmp`,
        `mount -o remount,bind,ro ${jail}`,
        `if chroot ${jail} touch /opt/x /tmp/x /x 2>/dev/null; then echo writable; exit 1; fi`,
        `exec chroot --userspec=${said("USER")} ${jail} /usr/bin/env -i ${process.execPath} ${program} -`,
      ].join("\n");
      const child = spawn("unshare", ["--mount", "sh", "-c", script], { stdio: ["pipe", "pipe", "pipe"] });
      let output = "";
      const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => (output += bytes));
      child.stdin.end(config);
      await waitFor(() => /: initialized\n/.test(output) || child.exitCode !== null);
      expect(output).toMatch(/: initialized\n/);
      const port = Number(/serving http on \/127\.0\.0\.1:(\d+)/.exec(output)?.[1]);
      expect(await statusOf(port)).toBe(204);
      expect(readFileSync(`/proc/${child.pid}/status`, "utf8")).toMatch(/^Uid:\s+65534\s+65534\s/m);
      child.kill("SIGTERM");
      expect(await ended).toBe(0);
    },
    60_000,
  );

  it("is healthy while /ready says so", async () => {
    let status = 200;
    const server = createServer((req, res) => res.writeHead(req.url === "/ready" ? status : 404).end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const check = (at: number): Promise<number | null> => {
      const script = join(made, "opt/weft/healthcheck.mjs");
      const child = spawn(process.execPath, [script], { env: { WEFT_ADMIN_PORT: String(at) }, stdio: "ignore" });
      return new Promise((resolve) => child.once("close", resolve));
    };
    expect(await check(port)).toBe(0);
    status = 503;
    expect(await check(port)).toBe(1);
    server.close();
    expect(await check(1)).toBe(1);
  });
});

/** As root on Linux, and where the sandbox lets us. */
function canChangeRoot(): boolean {
  if (process.getuid?.() !== 0) return false;
  const tried = spawnSync("unshare", ["--mount", "sh", "-c", "mount --make-rprivate / && mount --bind / /mnt"]);
  if (tried.status !== 0) console.log("not tried with a read-only root: unshare or mount is not allowed here");
  return tried.status === 0;
}

async function waitFor(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 50));
}

function statusOf(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, headers: { host: "web" }, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).on("error", reject);
  });
}

describe("the units of systemd", () => {
  const unit = read("systemd/weft-proxy.service");
  const value = (key: string): string => new RegExp(`^${key}=(.*)$`, "m").exec(unit)?.[1] ?? "";
  const hasTools = spawnSync("systemd-analyze", ["--version"]).status === 0;
  if (!hasTools) console.log("systemd-analyze is not installed: the units are read, and not verified");

  it("start the program as a user of its own, with a port below 1024 as the only privilege", () => {
    expect(value("ExecStart")).toBe("/usr/bin/node /opt/weft/proxy/main.js /etc/weft/proxy.yaml");
    expect([value("DynamicUser"), value("NoNewPrivileges"), value("ProtectSystem")]).toEqual(["yes", "yes", "strict"]);
    expect([value("AmbientCapabilities"), value("CapabilityBoundingSet")]).toEqual(
      Array.from({ length: 2 }, () => "CAP_NET_BIND_SERVICE"),
    );
    expect(Number(value("TimeoutStopSec"))).toBeGreaterThan(10);
    expect([value("Type"), value("NotifyAccess")]).toEqual(["notify", "all"]);
  });

  it.skipIf(!hasTools)("are what systemd takes, and exposed to no more than 2.0 of 10", () => {
    const here = unit
      .replace("/usr/bin/node /opt/weft/proxy/main.js", `${process.execPath} /etc/hostname`)
      .replace(/^Documentation=.*\n/m, "");
    const service = join(temp, "weft-proxy.service");
    const socket = join(temp, "weft-proxy.socket");
    writeFileSync(service, here);
    writeFileSync(socket, read("systemd/weft-proxy.socket"));
    const verify = (...files: string[]) => spawnSync("systemd-analyze", ["verify", ...files], { encoding: "utf8" });
    expect(verify(service, socket)).toMatchObject({ status: 0, stderr: "" });
    const exposed = ["security", "--offline=true", "--threshold=20", service];
    expect(spawnSync("systemd-analyze", exposed, { encoding: "utf8" }).status).toBe(0);
    writeFileSync(service, here.replace("ProtectHome=yes", "ProtectHoem=yes"));
    expect(verify(service).stderr).toContain("ProtectHoem");
  });
});

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

interface Container {
  readonly name: string;
  readonly args?: readonly string[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext: object;
  readonly resources: { readonly requests?: object; readonly limits?: { readonly memory?: string } };
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly startupProbe?: Probe;
}

interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: object;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
}

/** The schemas of Kubernetes by kind, as its API server has them. Each throws what it finds. */
const schemas: ReadonlyMap<string, { validate(): void }> = new Map<string, { validate(): void }>([
  ["v1 Namespace", Namespace.prototype],
  ["v1 ConfigMap", ConfigMap.prototype],
  ["v1 Service", Service.prototype],
  ["apps/v1 DaemonSet", DaemonSet.prototype],
  ["apps/v1 Deployment", Deployment.prototype],
]);

/** What a schema finds, and the keys that it never looked at: those it does not know. */
function mistakes(manifest: Manifest): readonly string[] {
  const unread = new Set<string>();
  const seen = new Map<string, unknown>();
  const watch = (value: unknown, path: string): unknown => {
    if (typeof value !== "object" || value === null) return value;
    const known = seen.get(path);
    if (known !== undefined) return known;
    for (const key of Object.keys(value)) unread.add(`${path}/${key}`);
    const watched: unknown = new Proxy(value, {
      get: (target, key) => {
        const found: unknown = Reflect.get(target, key);
        if (typeof key === "symbol" || !Object.hasOwn(target, key)) return found;
        unread.delete(`${path}/${key}`);
        return watch(found, `${path}/${key}`);
      },
    });
    seen.set(path, watched);
    return watched;
  };
  const schema = schemas.get(`${manifest.apiVersion} ${manifest.kind}`);
  if (schema === undefined) return [`no schema for ${manifest.apiVersion} ${manifest.kind}`];
  try {
    schema.validate.call(watch(manifest, ""));
  } catch (error) {
    return [String(error), ...unread];
  }
  return [...unread];
}

describe("the manifests of Kubernetes", () => {
  const manifests = (file: string): readonly Manifest[] =>
    parseAllDocuments(read(file)).map((each) => {
      expect((each as { errors: unknown[] }).errors).toEqual([]);
      return (each as { toJS(): Manifest }).toJS();
    });
  const files = ["kubernetes/daemonset.yaml", "kubernetes/sidecar.yaml"] as const;

  it.each(files)("%s: is what the schemas of Kubernetes take, with no key that they do not know", (file) => {
    for (const each of manifests(file)) expect([each.kind, mistakes(each)]).toEqual([each.kind, []]);
  });

  it("would be found out with a key of no meaning, or a value of another type", () => {
    const [, , daemons] = manifests(files[0]);
    const text = JSON.stringify(daemons);
    expect(mistakes(JSON.parse(text.replace("livenessProbe", "livenesProbe")) as Manifest)).toEqual([
      "/spec/template/spec/containers/0/livenesProbe",
    ]);
    const quoted = text.replace('"containerPort":4140', '"containerPort":"4140"');
    expect(mistakes(JSON.parse(quoted) as Manifest).join()).toContain("containers/0/ports/0/containerPort");
  });

  it.each(files)("%s: confine their containers, ask after /live and /ready, and hold a good config", (file) => {
    const all = manifests(file);
    const workload = all.find(({ kind }) => kind === "DaemonSet" || kind === "Deployment") as unknown as {
      readonly spec: { readonly template: { readonly spec: PodSpec } };
    };
    const pod = workload.spec.template.spec;
    const containers = [...(pod.initContainers ?? []), ...pod.containers];
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 65_534 });
    for (const each of containers) {
      expect(each.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
      expect(each.resources.requests).toBeDefined();
      expect(each.resources.limits?.memory).toBeDefined();
    }
    const proxy = containers.find(({ name }) => name === "proxy");
    expect(proxy?.livenessProbe?.httpGet).toEqual({ path: "/live", port: "admin" });
    expect(proxy?.readinessProbe?.httpGet).toEqual({ path: "/ready", port: "admin" });
    expect(proxy?.startupProbe?.httpGet).toEqual({ path: "/ready", port: "admin" });

    const map = all.find(({ kind }) => kind === "ConfigMap") as unknown as { readonly data: Record<string, string> };
    const [[name = "", text = ""] = []] = Object.entries(map.data);
    expect(proxy?.args).toEqual([`${proxy?.volumeMounts?.[0]?.mountPath}/${name}`]);
    const { config }: ReadConfig = readConfig(text, file, registry);
    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThan(config.admin.shutdownGraceMs);
    const ports = new Map(proxy?.ports?.map((each) => [each.name, each.containerPort]));
    expect(ports.get("admin")).toBe(config.admin.port);
    const open = config.routers.flatMap((router) => router.config.servers).filter(({ ip }) => ip === "0.0.0.0");
    expect(open.map(({ port }) => port)).toEqual([ports.get("http")]);
    expect(exposureWarnings(config).filter((warning) => warning.startsWith("router"))).toEqual([]);
  });
});

describe("the example for Compose", () => {
  it("builds the image, runs it with nothing to write to, and has a good config", () => {
    const [document] = parseAllDocuments(read("compose/compose.yaml"));
    const { services } = (document as { toJS(): { services: Record<string, Record<string, unknown>> } }).toJS();
    const proxy = services["proxy"] as Record<string, never>;
    const { context, dockerfile: file } = proxy["build"] as unknown as { context: string; dockerfile: string };
    expect(join(root, folder, "compose", context, file)).toBe(join(root, dockerfile));
    expect(proxy).toMatchObject({ user: "65534:65534", read_only: true, cap_drop: ["ALL"] });
    const [mount = ""] = proxy["volumes"] as unknown as readonly string[];
    const [source = "", target = ""] = mount.split(":");
    expect(wordsOf(said("CMD"))).toEqual([target]);
    const config = readConfig(read(join("compose", source)), source, registry).config;
    expect(exposureWarnings(config)).toEqual(["the admin server on 0.0.0.0:9990 is open to other machines"]);
    const published = (proxy["ports"] as unknown as readonly string[]).map((each) => Number(each.split(":").at(-1)));
    expect(published).toEqual([config.routers[0]?.config.servers[0]?.port, config.admin.port]);
  });
});
