import { mkdir, mkdtemp, readdir, rename, rm, symlink, truncate, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@weftmesh/core";
import { type Addr, type Address, address, type Bound, type HostResolver, Path, showAddress } from "@weftmesh/naming";
import { describeNamer, eventually } from "@weftmesh/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FsNamer, nodeFileSystem } from "../src/index.ts";

const noResolver: HostResolver = {
  resolve: () => {
    throw new Error("there are no host names here");
  },
};

function newNamer(rootDir: string): FsNamer {
  return new FsNamer({
    rootDir,
    prefix: Path.read("/io.l5d.fs"),
    clock: systemClock,
    fs: nodeFileSystem,
    resolver: noResolver,
  });
}

function text(addresses: readonly Address[]): string {
  return addresses.map(({ host, port, weight }) => `${host} ${port} * ${weight}\n`).join("");
}

async function replace(path: string, content: string): Promise<void> {
  await writeFile(`${path}.tmp`, content);
  await rename(`${path}.tmp`, path);
}

for (const how of ["replaced by rename", "written in place"] as const) {
  describeNamer(`io.l5d.fs, files ${how}`, async () => {
    const dir = await mkdtemp(join(tmpdir(), "weft-namer-fs-"));
    const file = join(dir, "web");
    const addresses = [address("127.0.0.1", 8080), address("10.0.0.1", 8081, 0.5)];
    await writeFile(file, text(addresses));
    const namer = newNamer(dir);
    return {
      namer,
      idPrefix: Path.read("/#/io.l5d.fs"),
      present: Path.of("web"),
      addresses,
      absent: Path.of("absent"),
      change: (next) => (how === "written in place" ? writeFile(file, text(next)) : replace(file, text(next))),
      remove: () => rm(file, { force: true }),
      watchers: () => namer.watchedDirectories,
      close: () => rm(dir, { recursive: true, force: true }),
    };
  });
}

describe("G14: a real directory", () => {
  let dir: string;
  let file: string;
  let namer: FsNamer;
  const seen: string[] = [];
  const subscriptions: { unsubscribe(): void }[] = [];

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "weft-namer-fs-"));
    file = join(dir, "web");
    namer = newNamer(dir);
    seen.length = 0;
  });

  afterEach(async () => {
    for (const each of subscriptions.splice(0)) each.unsubscribe();
    await eventually("nothing is watched", () => namer.watchedDirectories === 0);
    await rm(dir, { recursive: true, force: true });
  });

  function watch(name: string): void {
    let addr: { unsubscribe(): void } | undefined;
    const tree = namer.lookup(Path.read(name)).run.changes.subscribe((state) => {
      if (state.state !== "ok") seen.push(state.state);
      else if (state.value.kind !== "leaf") seen.push(state.value.kind);
      else if (addr === undefined) {
        addr = (state.value.value as Bound).addr.changes.subscribe((each) => void seen.push(showAddr(each)));
        subscriptions.push(addr);
      }
    });
    subscriptions.push(tree);
  }

  function showAddr(addr: Addr): string {
    return addr.kind === "bound" ? `[${addr.addresses.map(showAddress).join(" ")}]` : addr.kind;
  }

  it("G14: shows a new file, its changes, and its end", async () => {
    watch("/web");
    await eventually("it is negative", () => seen.at(-1) === "neg");
    await writeFile(file, "127.1 80\n");
    await eventually("it is bound", () => seen.at(-1) === "[127.0.0.1:80]" || seen.at(-1));
    await truncate(file, 0);
    await writeFile(file, "127.1 81\n");
    await eventually("it has changed", () => seen.at(-1) === "[127.0.0.1:81]" || seen.at(-1));
    await unlink(file);
    await eventually("it is negative again", () => seen.slice(-2).includes("neg") && seen.at(-1) === "neg");
    expect(seen).not.toContain("[]");
  });

  it("G14: follows links, and the swap of a link above them", async () => {
    await mkdir(join(dir, "..1"));
    await writeFile(join(dir, "..1", "web"), "127.1 80\n");
    await mkdir(join(dir, "..2"));
    await writeFile(join(dir, "..2", "web"), "127.1 81\n");
    await symlink("..1", join(dir, "..data"));
    await symlink("..data/web", file);
    watch("/web");
    await eventually("it is bound", () => seen.at(-1) === "[127.0.0.1:80]" || seen.at(-1));
    await symlink("..2", join(dir, "..tmp"));
    await rename(join(dir, "..tmp"), join(dir, "..data"));
    await eventually("it has changed", () => seen.at(-1) === "[127.0.0.1:81]" || seen.at(-1));
    expect(seen).toEqual(["pending", "pending", "[127.0.0.1:80]", "[127.0.0.1:81]"]);
  });

  it("G14: fails for a loop of links, and for what is no file", async () => {
    await symlink("loop", join(dir, "loop"));
    watch("/loop");
    await eventually("it has failed", () => seen.at(-1) === "failed");
    await symlink("/dev/zero", join(dir, "zero"));
    watch("/zero");
    await eventually("it has failed too", () => seen.filter((each) => each === "failed").length === 2);
  });

  it("G14: a file that becomes a directory gives way to the names in it", async () => {
    await writeFile(file, "127.1 80\n");
    watch("/web/inner");
    await eventually("it is bound", () => seen.at(-1) === "[127.0.0.1:80]" || seen.at(-1));
    await unlink(file);
    await mkdir(file);
    await writeFile(join(file, "inner"), "127.1 81\n");
    const again: string[] = [];
    subscriptions.push(
      namer.lookup(Path.read("/web/inner")).run.changes.subscribe((state) => {
        const leaf = state.state === "ok" && state.value.kind === "leaf" ? (state.value.value as Bound) : undefined;
        again.push(leaf === undefined ? state.state : `${leaf.id.show} ${leaf.residual.show}`);
      }),
    );
    await eventually("it is bound anew", () => again.at(-1) === "/#/io.l5d.fs/web/inner /" || again.at(-1));
  });

  it("holds no file open", async () => {
    for (let i = 0; i < 20; i++) {
      await writeFile(join(dir, `${i}`), "127.1 80\n");
      watch(`/${i}`);
    }
    await eventually("all are read", () => seen.filter((each) => each === "[127.0.0.1:80]").length === 20);
    const open = await readdir("/proc/self/fd").catch(() => []);
    const { readlink } = await import("node:fs/promises");
    const targets = await Promise.all(open.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")));
    expect(targets.filter((each) => each.startsWith(dir))).toEqual([]);
    expect(namer.watchedDirectories).toBe(1);
  });
});
