import { type ActivityState, Var, type VarSource } from "@weftmesh/core";
import {
  type Addr,
  type Bound,
  type HostAddresses,
  type HostResolver,
  type NameTree,
  Path,
  showAddress,
} from "@weftmesh/naming";
import { ManualClock } from "@weftmesh/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { FsNamer } from "../src/index.ts";
import { FakeFileSystem } from "./fake-file-system.ts";

type State = ActivityState<NameTree<Path | Bound>>;

class FakeResolver implements HostResolver {
  readonly hosts = new Map<string, VarSource<HostAddresses>>();

  resolve(host: string): VarSource<HostAddresses> {
    let source = this.hosts.get(host);
    if (source === undefined) {
      source = Var.source<HostAddresses>({ kind: "pending" });
      this.hosts.set(host, source);
    }
    return source;
  }
}

let resolver: FakeResolver;
let clock: ManualClock;
let fs: FakeFileSystem;
let namer: FsNamer;

beforeEach(() => {
  clock = new ManualClock();
  fs = new FakeFileSystem(clock);
  fs.mkdir("/disco");
  resolver = new FakeResolver();
  namer = new FsNamer({ rootDir: "/disco", prefix: Path.read("/io.l5d.fs"), clock, fs, resolver });
});

/** Observes a name and, whenever it is bound, its addresses. */
class Watch {
  readonly trees: string[] = [];
  readonly addrs: string[] = [];
  readonly #close: () => void;
  #addr: { unsubscribe(): void } | undefined;
  #id = "";

  constructor(name: string | Path) {
    const path = typeof name === "string" ? Path.read(name) : name;
    const subscription = namer.lookup(path).run.changes.subscribe((state) => this.#see(state));
    this.#close = () => subscription.unsubscribe();
  }

  get tree(): string | undefined {
    return this.trees.at(-1);
  }

  get addr(): string | undefined {
    return this.addrs.at(-1);
  }

  close(): void {
    this.#close();
    this.#addr?.unsubscribe();
  }

  #see(state: State): void {
    if (state.state !== "ok") this.trees.push(state.state === "failed" ? `failed: ${state.error.message}` : "pending");
    else if (state.value.kind !== "leaf") this.trees.push(state.value.kind);
    else {
      const bound = state.value.value as Bound;
      this.trees.push(`${bound.id.show} ${bound.residual.show}`);
      if (this.#id === bound.id.show) return;
      this.#id = bound.id.show;
      this.#addr?.unsubscribe();
      this.#addr = bound.addr.changes.subscribe((addr) => void this.addrs.push(showAddr(addr)));
    }
  }
}

function showAddr(addr: Addr): string {
  if (addr.kind === "failed") return `failed: ${addr.error.message}`;
  if (addr.kind !== "bound") return addr.kind;
  const each = addr.addresses.map((one) => showAddress(one) + (one.weight === 1 ? "" : `*${one.weight}`));
  return `[${each.join(" ")}]`;
}

describe("a name in the directory", () => {
  it("is bound to the addresses in its file, and gives back the rest", async () => {
    fs.write("/disco/web", "127.0.0.1 8080\n10.0.0.1 80 * 0.5 # the slow one\n");
    const watch = new Watch("/web/a/b");
    await clock.advance(1000);
    expect(watch.tree).toBe("/#/io.l5d.fs/web /a/b");
    expect(watch.addr).toBe("[127.0.0.1:8080 10.0.0.1:80*0.5]");
  });

  it("is read at once when its file was written long ago, and after it has settled when not", async () => {
    fs.write("/disco/old", "1.1.1.1 80");
    fs.write("/disco/new", "2.2.2.2 80");
    fs.age("/disco/old", clock.epochMs() - 100);
    const watches = [new Watch("/old"), new Watch("/new")];
    await clock.advance(0);
    expect(watches.map((each) => each.addr)).toEqual(["[1.1.1.1:80]", "pending"]);
    await clock.advance(99);
    expect(watches[1]?.addr).toBe("pending");
    await clock.advance(1);
    expect(watches[1]?.addr).toBe("[2.2.2.2:80]");
  });

  it("is negative where there is nothing, and where the path ends at a directory", async () => {
    fs.mkdir("/disco/dir");
    const watches = [new Watch("/nothing"), new Watch("/dir"), new Watch("/dir/nothing"), new Watch("/")];
    await clock.advance(0);
    expect(watches.map((each) => each.tree)).toEqual(["neg", "neg", "neg", "neg"]);
  });

  it("may stand in nested directories", async () => {
    fs.mkdir("/disco/a");
    fs.mkdir("/disco/a/b");
    fs.write("/disco/a/b/web", "1.1.1.1 80");
    const watch = new Watch("/a/b/web/rest");
    await clock.advance(1000);
    expect([watch.tree, watch.addr]).toEqual(["/#/io.l5d.fs/a/b/web /rest", "[1.1.1.1:80]"]);
    expect(namer.watchedDirectories).toBe(3);
  });

  it("is bound to no addresses when its file is empty: that is not the same as negative", async () => {
    fs.write("/disco/web", "# nobody yet\n\n");
    fs.write("/disco/empty", "");
    const watches = [new Watch("/web"), new Watch("/empty")];
    await clock.advance(1000);
    expect(watches.map((each) => [each.tree, each.addr])).toEqual([
      ["/#/io.l5d.fs/web /", "[]"],
      ["/#/io.l5d.fs/empty /", "[]"],
    ]);
  });

  it("keeps its tree when its addresses change", async () => {
    fs.write("/disco/web", "1.1.1.1 80");
    const watch = new Watch("/web");
    await clock.advance(1000);
    fs.write("/disco/web", "2.2.2.2 80");
    await clock.advance(1000);
    expect(watch.trees).toEqual(["pending", "/#/io.l5d.fs/web /"]);
    expect(watch.addrs).toEqual(["pending", "[1.1.1.1:80]", "[2.2.2.2:80]"]);
  });

  it("changes its tree when its file is created and deleted", async () => {
    const watch = new Watch("/web");
    await clock.advance(1000);
    fs.write("/disco/web", "1.1.1.1 80");
    await clock.advance(1000);
    fs.remove("/disco/web");
    await clock.advance(1000);
    fs.write("/disco/web", "2.2.2.2 80");
    await clock.advance(1000);
    expect(watch.trees).toEqual(["pending", "neg", "/#/io.l5d.fs/web /", "neg", "/#/io.l5d.fs/web /"]);
    expect(watch.addrs).toEqual(["pending", "[1.1.1.1:80]", "neg", "pending", "[2.2.2.2:80]"]);
  });

  it("has failed addresses, with file, line and column, when a line is malformed, and heals", async () => {
    fs.write("/disco/web", "1.1.1.1 80\n2.2.2.2 eighty\n");
    const watch = new Watch("/web");
    await clock.advance(1000);
    expect(watch.tree).toBe("/#/io.l5d.fs/web /");
    expect(watch.addr).toBe('failed: /disco/web:2:9: a port from 1 to 65535 expected but "eighty" found');
    fs.write("/disco/web", "1.1.1.1 80\n");
    await clock.advance(1000);
    expect(watch.addr).toBe("[1.1.1.1:80]");
  });

  it("has failed addresses when its file is too large, which is then not even opened", async () => {
    fs.write("/disco/web", "#".repeat(512_001));
    const watch = new Watch("/web");
    await clock.advance(1000);
    expect(watch.addr).toBe("failed: /disco/web: is larger than 512000 bytes");
    expect(fs.reads).toBe(0);
    fs.write("/disco/web", "#".repeat(512_000));
    await clock.advance(1000);
    expect(watch.addr).toBe("[]");
  });

  it("has failed addresses while its file cannot be read, and is tried again with each poll", async () => {
    fs.unreadable.set("/disco/web", "EACCES");
    fs.write("/disco/web", "1.1.1.1 80");
    const watch = new Watch("/web");
    await clock.advance(1000);
    expect(watch.addr).toBe("failed: /disco/web: EACCES: /disco/web");
    fs.unreadable.clear();
    await clock.advance(5200);
    expect(watch.addr).toBe("[1.1.1.1:80]");
  });
});

describe("host names in a file", () => {
  const found = (...ips: string[]): HostAddresses => ({ kind: "found", ips });

  it("stand for all their addresses, each with the weight of the line, as they change", async () => {
    fs.write("/disco/web", "web.example 80 * 2\n10.0.0.9 81\n");
    const watch = new Watch("/web");
    await clock.advance(1000);
    expect(watch.addr).toBe("[10.0.0.9:81]");
    resolver.resolve("web.example").set(found("10.0.0.1", "10.0.0.2"));
    expect(watch.addr).toBe("[10.0.0.1:80*2 10.0.0.2:80*2 10.0.0.9:81]");
    resolver.resolve("web.example").set(found("10.0.0.3"));
    expect(watch.addr).toBe("[10.0.0.3:80*2 10.0.0.9:81]");
    resolver.resolve("web.example").set({ kind: "failed", error: new Error("no answer") });
    expect(watch.addr).toBe("[10.0.0.9:81]");
  });

  it("are pending, negative or failed when no other address is there", async () => {
    fs.write("/disco/web", "a.example 80\nb.example 80\n");
    const watch = new Watch("/web");
    await clock.advance(1000);
    expect(watch.addr).toBe("pending");
    resolver.resolve("a.example").set({ kind: "neg" });
    expect(watch.addr).toBe("pending");
    resolver.resolve("b.example").set({ kind: "neg" });
    expect(watch.addr).toBe("neg");
    resolver.resolve("b.example").set({ kind: "failed", error: new Error("no answer") });
    expect(watch.addr).toBe("failed: no answer");
    resolver.resolve("a.example").set(found("10.0.0.1"));
    expect(watch.addr).toBe("[10.0.0.1:80]");
  });

  it("are looked up only while the addresses are observed, and only those that the file has", async () => {
    fs.write("/disco/web", "a.example 80");
    const watch = new Watch("/web");
    await clock.advance(1000);
    expect(resolver.resolve("a.example").observed).toBe(true);
    fs.write("/disco/web", "b.example 80");
    await clock.advance(1000);
    expect([resolver.resolve("a.example").observed, resolver.resolve("b.example").observed]).toEqual([false, true]);
    watch.close();
    expect(resolver.resolve("b.example").observed).toBe(false);
  });
});

describe("G14: what writers do to files", () => {
  let watch: Watch;

  beforeEach(async () => {
    fs.write("/disco/web", "1.1.1.1 80");
    watch = new Watch("/web");
    await clock.advance(1000);
    watch.addrs.length = 0;
    watch.trees.length = 0;
  });

  it("G14: a file replaced by rename shows the new addresses, and nothing in between", async () => {
    fs.write("/disco/.web.tmp", "2.2.2.2 80");
    await clock.advance(1);
    fs.rename("/disco/.web.tmp", "/disco/web");
    await clock.advance(1000);
    expect([watch.trees, watch.addrs]).toEqual([[], ["[2.2.2.2:80]"]]);
  });

  it("G14: a file truncated and then written never shows an empty set", async () => {
    for (const pauseMs of [0, 50, 100, 499]) {
      watch.addrs.length = 0;
      fs.write("/disco/web", "");
      await clock.advance(pauseMs);
      fs.write("/disco/web", `2.2.2.2 ${80 + pauseMs}`);
      await clock.advance(1000);
      expect([watch.trees, watch.addrs]).toEqual([[], [`[2.2.2.2:${80 + pauseMs}]`]]);
    }
  });

  it("G14: a file written piece by piece shows once it is whole", async () => {
    for (const text of ["2.2", "2.2.2.2 8", "2.2.2.2 80\n3.3", "2.2.2.2 80\n3.3.3.3 80\n"]) {
      fs.write("/disco/web", text);
      await clock.advance(99);
    }
    await clock.advance(1000);
    expect([watch.trees, watch.addrs]).toEqual([[], ["[2.2.2.2:80 3.3.3.3:80]"]]);
  });

  it("G14: a file that stays empty is an empty set in the end", async () => {
    fs.write("/disco/web", "");
    await clock.advance(499);
    expect(watch.addrs).toEqual([]);
    await clock.advance(1);
    expect([watch.trees, watch.addrs]).toEqual([[], ["[]"]]);
  });

  it("G14: a file deleted and made anew at once shows the new addresses, and no negative tree", async () => {
    fs.remove("/disco/web");
    await clock.advance(50);
    fs.write("/disco/web", "2.2.2.2 80");
    await clock.advance(1000);
    expect([watch.trees, watch.addrs]).toEqual([[], ["[2.2.2.2:80]"]]);
  });

  it("G14: a file that is moved away and back has its addresses again", async () => {
    fs.rename("/disco/web", "/disco/aside");
    await clock.advance(1000);
    fs.rename("/disco/aside", "/disco/web");
    await clock.advance(1000);
    expect(watch.trees).toEqual(["neg", "/#/io.l5d.fs/web /"]);
    expect(watch.addrs).toEqual(["neg", "pending", "[1.1.1.1:80]"]);
  });

  it("G14: a file that becomes a directory is negative, and so is the other way about", async () => {
    fs.remove("/disco/web");
    fs.mkdir("/disco/web");
    fs.write("/disco/web/inner", "3.3.3.3 80");
    const inner = new Watch("/web/inner");
    await clock.advance(1000);
    expect([watch.trees, watch.addrs]).toEqual([["neg"], ["neg"]]);
    expect([inner.tree, inner.addr]).toEqual(["/#/io.l5d.fs/web/inner /", "[3.3.3.3:80]"]);
    fs.remove("/disco/web");
    fs.write("/disco/web", "4.4.4.4 80");
    await clock.advance(1000);
    expect(watch.trees).toEqual(["neg", "/#/io.l5d.fs/web /"]);
    expect(inner.tree).toBe("/#/io.l5d.fs/web /inner");
  });

  it("G14: a loop of links fails, and the process lives", async () => {
    fs.link("/disco/loop", "pool");
    fs.link("/disco/pool", "loop");
    const loop = new Watch("/loop/x");
    await clock.advance(20_000);
    expect(loop.trees).toEqual(["pending", "failed: /disco/loop: ELOOP: /disco/loop"]);
    fs.remove("/disco/pool");
    fs.write("/disco/pool", "5.5.5.5 80");
    await clock.advance(1000);
    expect(loop.tree).toBe("/#/io.l5d.fs/loop /x");
  });

  it("G14: a swap of the link that leads to the directory of the files shows all the new files", async () => {
    fs.mkdir("/disco/..1");
    fs.write("/disco/..1/a", "1.1.1.1 80");
    fs.mkdir("/disco/..2");
    fs.write("/disco/..2/a", "2.2.2.2 80");
    fs.link("/disco/..data", "..1");
    fs.link("/disco/a", "..data/a");
    const linked = new Watch("/a");
    await clock.advance(1000);
    expect(linked.addr).toBe("[1.1.1.1:80]");
    fs.link("/disco/..tmp", "..2");
    fs.rename("/disco/..tmp", "/disco/..data");
    await clock.advance(1000);
    expect(linked.addrs).toEqual(["pending", "[1.1.1.1:80]", "[2.2.2.2:80]"]);
  });
});

describe("watching", () => {
  it("begins with an observer and ends with the last, with nothing left open", async () => {
    fs.write("/disco/web", "1.1.1.1 80");
    namer.lookup(Path.read("/web"));
    expect([fs.watches, clock.armed]).toEqual([0, 0]);
    const watches = [new Watch("/web"), new Watch("/web"), new Watch("/other")];
    await clock.advance(1000);
    expect([fs.watches, fs.openFiles]).toEqual([1, 0]);
    watches[0]?.close();
    watches[2]?.close();
    await clock.advance(1000);
    expect(fs.watches).toBe(1);
    watches[1]?.close();
    await clock.advance(1000);
    expect([fs.watches, clock.armed, namer.watchedDirectories]).toEqual([0, 0, 0]);
  });

  it("goes on for one observer when another leaves", async () => {
    const seen: string[] = [];
    const lookUp = (): { unsubscribe(): void } =>
      namer.lookup(Path.read("/web")).run.changes.subscribe((state) => {
        seen.push(state.state === "ok" ? state.value.kind : state.state);
      });
    const one = lookUp();
    const other = lookUp();
    await clock.advance(1000);
    one.unsubscribe();
    seen.length = 0;
    fs.write("/disco/web", "1.1.1.1 80");
    await clock.advance(1000);
    expect(seen).toEqual(["leaf"]);
    other.unsubscribe();
    expect([fs.watches, clock.armed]).toEqual([0, 0]);
  });

  it("ends at any moment without leaving anything behind", async () => {
    for (const afterMs of [0, 1, 50, 100, 101, 5000]) {
      fs.write("/disco/web", `1.1.1.1 ${1 + afterMs}`);
      const watch = new Watch("/web");
      await clock.advance(afterMs);
      fs.write("/disco/web", "2.2.2.2 80");
      watch.close();
      await clock.advance(0);
      expect([fs.watches, clock.armed]).toEqual([0, 0]);
      await clock.advance(10_000);
      expect([fs.watches, clock.armed]).toEqual([0, 0]);
    }
  });

  it("reads a file once for each change, and not again with each poll or event about others", async () => {
    fs.write("/disco/web", "1.1.1.1 80");
    const watch = new Watch("/web");
    await clock.advance(1000);
    fs.write("/disco/other", "2.2.2.2 80");
    await clock.advance(60_000);
    expect([fs.reads, watch.addrs.length]).toEqual([1, 2]);
  });

  it("notices with the next poll what makes no event", async () => {
    fs.events = false;
    fs.write("/disco/web", "1.1.1.1 80");
    const watch = new Watch("/web");
    await clock.advance(1000);
    fs.write("/disco/web", "2.2.2.2 80");
    await clock.advance(4000);
    expect(watch.addr).toBe("[1.1.1.1:80]");
    await clock.advance(100);
    expect(watch.addr).toBe("[2.2.2.2:80]");
  });

  it("polls each second where nothing can be watched", async () => {
    fs.refuseWatches = true;
    const watch = new Watch("/web");
    await clock.advance(100);
    fs.write("/disco/web", "1.1.1.1 80");
    await clock.advance(1000);
    expect(watch.addr).toBe("[1.1.1.1:80]");
    fs.refuseWatches = false;
    await clock.advance(1000);
    expect(fs.watches).toBe(1);
  });

  it("follows a directory that is replaced by another", async () => {
    fs.write("/disco/web", "1.1.1.1 80");
    const watch = new Watch("/web");
    await clock.advance(1000);
    fs.mkdir("/next");
    fs.write("/next/web", "2.2.2.2 80");
    fs.rename("/next", "/disco");
    await clock.advance(6000);
    expect(watch.addr).toBe("[2.2.2.2:80]");
    fs.write("/disco/web", "3.3.3.3 80");
    await clock.advance(100);
    expect(watch.addr).toBe("[3.3.3.3:80]");
    expect(fs.watches).toBe(1);
  });

  it("survives the directory being gone for a while", async () => {
    fs.write("/disco/web", "1.1.1.1 80");
    const watch = new Watch("/web");
    await clock.advance(1000);
    fs.remove("/disco");
    await clock.advance(6000);
    expect(watch.tree).toBe("neg");
    fs.mkdir("/disco");
    fs.write("/disco/web", "2.2.2.2 80");
    await clock.advance(2000);
    expect([watch.tree, watch.addr]).toEqual(["/#/io.l5d.fs/web /", "[2.2.2.2:80]"]);
  });
});

describe("C15, D6: a name", () => {
  it.each([[".."], ["."], ["a/b"], ["../secret"], ["a\0b"], ["..\\secret"], ["\xff\xfe"]])(
    "C15: %j is negative and is never looked for",
    async (elem) => {
      fs.write("/secret", "6.6.6.6 80");
      fs.mkdir("/disco/dir");
      const watches = [new Watch(Path.of(elem)), new Watch(Path.of(elem, "secret")), new Watch(Path.of("dir", elem))];
      await clock.advance(1000);
      expect(watches.map((each) => each.tree)).toEqual(["neg", "neg", "neg"]);
    },
  );

  it("may have any other bytes, as UTF-8", async () => {
    fs.write("/disco/grün ...", "1.1.1.1 80");
    const watch = new Watch(Path.utf8("grün ..."));
    await clock.advance(1000);
    expect(watch.addr).toBe("[1.1.1.1:80]");
  });
});

describe("what the namer tells of itself", () => {
  it("enumerates one name per entry of the root directory, as they come and go", async () => {
    fs.write("/disco/web", "");
    fs.mkdir("/disco/dir");
    fs.write("/disco/dir/inner", "");
    const seen: string[] = [];
    const subscription = namer.enumerate().run.changes.subscribe((state) => {
      seen.push(state.state === "ok" ? state.value.map((each) => each.show).join(" ") : state.state);
    });
    await clock.advance(0);
    expect(seen.at(-1)).toBe("/#/io.l5d.fs/dir /#/io.l5d.fs/web");
    fs.write("/disco/api", "");
    await clock.advance(1000);
    expect(seen.at(-1)).toBe("/#/io.l5d.fs/api /#/io.l5d.fs/dir /#/io.l5d.fs/web");
    subscription.unsubscribe();
    expect([fs.watches, clock.armed]).toEqual([0, 0]);
  });

  it("shows per directory the last event, what is followed and what it is", async () => {
    fs.mkdir("/disco/dir");
    fs.write("/disco/dir/web", "1.1.1.1 80");
    const watches = [new Watch("/dir/web"), new Watch("/none")];
    await clock.advance(1000);
    fs.write("/disco/dir/web", "2.2.2.2 80");
    await clock.advance(1000);
    expect(namer.state()).toEqual({
      events: {},
      state: { running: true, value: { dir: "directory", none: "missing" } },
      dir: {
        events: { lastEventKind: "change", lastEventName: "web", lastEventAt: "2020-01-01T00:00:01.000Z" },
        state: { running: true, value: { web: "2.2.2.2:80" } },
      },
    });
    const [page] = namer.adminHandlers;
    expect(page?.path).toBe("/namer_state/io.l5d.fs.json");
    expect(JSON.parse((await page?.render(new URLSearchParams())) ?? "")).toEqual(namer.state());
    for (const each of watches) each.close();
    expect(namer.state()).toEqual({ events: {}, state: { running: false, value: {} } });
  });
});
