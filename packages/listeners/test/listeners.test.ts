import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { eventually } from "@weftmesh/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { type Acceptor, Listeners } from "../src/index.ts";

/** Greets whoever comes with its name, and hangs up. */
class Greeter implements Acceptor {
  readonly name: string;
  failures = 0;

  constructor(name: string) {
    this.name = name;
  }

  accept(socket: Socket): void {
    socket.end(this.name);
    socket.resume();
  }

  acceptFailed(): void {
    this.failures++;
  }
}

/** What one who connects is told; undefined when nobody listens. */
function greeting(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(port, "127.0.0.1");
    socket.on("data", (bytes) => {
      text += bytes.toString();
    });
    socket.on("end", () => {
      socket.destroy();
      resolve(text);
    });
    socket.on("error", () => resolve(undefined));
  });
}

const at = { host: "127.0.0.1", port: 0 };
const all: Listeners[] = [];

function listeners(...inherited: ConstructorParameters<typeof Listeners>): Listeners {
  const made = new Listeners(...inherited);
  all.push(made);
  return made;
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("listeners", () => {
  afterEach(async () => {
    for (const each of all.splice(0)) {
      each.closeFree();
    }
  });

  it("give an address from one to the next without closing it", async () => {
    const own = listeners();
    const port = await freePort();
    const [one, two] = [new Greeter("one"), new Greeter("two")];
    const first = await own.take({ host: "127.0.0.1", port }, one);
    expect([first.before, first.listener.port, await greeting(port)]).toEqual([undefined, port, "one"]);
    own.beginTakeover();
    const second = await own.take({ host: "127.0.0.1", port }, two);
    expect([second.before, second.listener, await greeting(port)]).toEqual([one, first.listener, "two"]);
    // Whoever was followed takes nothing with it.
    first.listener.release(one);
    expect(await greeting(port)).toBe("two");
    second.listener.release(two);
    expect(await greeting(port)).toBeUndefined();
    expect(own.sockets).toEqual([]);
  });

  it("give no address to two of the same config", async () => {
    const own = listeners();
    const port = await freePort();
    const { listener } = await own.take({ host: "127.0.0.1", port }, new Greeter("one"));
    await expect(own.take({ host: "127.0.0.1", port }, new Greeter("two"))).rejects.toMatchObject({
      code: "WEFT_LISTEN",
      message: `cannot listen on 127.0.0.1:${port}: the port is in use`,
    });
    expect(await greeting(port)).toBe("one");
    listener.close();
  });

  it("hold the connections of a reserved address until somebody takes them", async () => {
    const own = listeners();
    const listener = await own.reserve(at);
    const asked = greeting(listener.port);
    const other = greeting(listener.port);
    await eventually("both wait", () => listener.waiting === 2);
    listener.handTo(new Greeter("late"));
    expect(await Promise.all([asked, other])).toEqual(["late", "late"]);
    listener.close();
  });

  it("let go of what nobody has taken, and of nothing else", async () => {
    const own = listeners();
    const free = await own.reserve(at);
    const one = new Greeter("one");
    const { listener } = await own.take(at, one);
    own.closeFree();
    expect([await greeting(free.port), await greeting(listener.port)]).toEqual([undefined, "one"]);
    listener.close();
  });

  it("say which address cannot be had and why, and may be asked again", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => holder.once("listening", resolve));
    const { port } = holder.address() as AddressInfo;
    const own = listeners();
    const wanted = { host: "127.0.0.1", port };
    await expect(own.reserve(wanted)).rejects.toMatchObject({ code: "WEFT_LISTEN", host: "127.0.0.1", port });
    await new Promise((resolve) => holder.close(resolve));
    const listener = await own.reserve(wanted);
    expect(listener.port).toBe(port);
    listener.close();
  });

  it("start a server of Node's own, and know it as long as it listens", async () => {
    const own = listeners([{ fd: 999, host: "127.0.0.2", port: 1 }]);
    const port = await freePort();
    const server = createServer((socket) => socket.end("a server of its own"));
    expect((await own.start(server, { host: "127.0.0.1", port })).port).toBe(port);
    expect([await greeting(port), own.unclaimed.length]).toEqual(["a server of its own", 1]);
    expect(own.sockets).toMatchObject([{ host: "127.0.0.1", port }]);
    await expect(own.start(createServer(), { host: "127.0.0.1", port })).rejects.toMatchObject({ code: "EADDRINUSE" });
    await new Promise((resolve) => server.close(resolve));
    expect(own.sockets).toEqual([]);
  });

  it("tell a process to come of all that was asked for by its number", async () => {
    const own = listeners();
    const port = await freePort();
    const named = await own.reserve({ host: "127.0.0.1", port });
    const unnamed = await own.reserve(at);
    expect(own.sockets.map(({ host, port: number }) => [host, number])).toEqual([["127.0.0.1", port]]);
    expect(own.sockets[0]?.fd).toBeGreaterThan(2);
    named.close();
    unnamed.close();
    expect(own.sockets).toEqual([]);
  });
});
