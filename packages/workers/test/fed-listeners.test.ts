import { connect, type Socket } from "node:net";
import { type Acceptor, Listeners } from "@weftmesh/listeners";
import { eventually, ManualClock } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { FedListeners } from "../src/fed-listeners.ts";

/** Answers what it is sent, behind its own name. */
class Echo implements Acceptor {
  readonly #name: string;
  readonly open = new Set<Socket>();

  constructor(name: string) {
    this.#name = name;
  }

  get connections(): number {
    return this.open.size;
  }

  accept(socket: Socket): void {
    this.open.add(socket);
    socket.on("data", (bytes) => socket.end(`${this.#name} ${bytes}`));
    socket.on("close", () => this.open.delete(socket));
    socket.resume();
  }

  acceptFailed(): void {}
}

/** Two listeners of one process, whose connections a second set of listeners is fed with. */
function fed() {
  const clock = new ManualClock();
  const took: (readonly [number, number])[] = [];
  const worker = new FedListeners(clock, (taken, open) => took.push([taken, open]));
  const sockets = new Listeners([], (handle, to) => worker.feed(handle, to));
  return { clock, took, worker, sockets };
}

function ask(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.on("data", (bytes) => {
      heard += bytes.toString();
    });
    socket.on("end", () => resolve(heard));
    socket.on("error", reject);
  });
}

const any = { host: "127.0.0.1", port: 0 };

describe("fed listeners", () => {
  it("give each connection to the acceptor of its address, by the order of those that asked for a free port", async () => {
    const { sockets, worker } = fed();
    const nobody = new Echo("nobody");
    const { listener: first } = await sockets.take(any, nobody);
    const { listener: second } = await sockets.take(any, nobody);
    await worker.take(any, new Echo("first"));
    await worker.take(any, new Echo("second"));
    expect(await ask(second.port, "hello")).toBe("second hello");
    expect(await ask(first.port, "hello")).toBe("first hello");
    expect(nobody.connections).toBe(0);
    first.close();
    second.close();
  });

  it("keep connections for an acceptor that comes later", async () => {
    const { sockets, took, worker } = fed();
    const { listener } = await sockets.take(any, new Echo("nobody"));
    const asked = ask(listener.port, "early");
    await eventually("it has come", () => took.length === 1);
    await worker.take(any, new Echo("late"));
    expect(await asked).toBe("late early");
    listener.close();
  });

  it("tell what was taken and what is open, and again when that changes", async () => {
    const { clock, took, sockets, worker } = fed();
    const { listener } = await sockets.take(any, new Echo("nobody"));
    const echo = new Echo("echo");
    await worker.take(any, echo);
    const idle = connect(listener.port, "127.0.0.1");
    await eventually("the connection is taken", () => took.length === 1);
    expect(took).toEqual([[1, 1]]);
    await clock.advance(1_000);
    expect(took.length).toBe(1);
    for (const each of echo.open) each.destroy();
    await eventually("it is closed", () => echo.connections === 0);
    await clock.advance(250);
    expect(took.at(-1)).toEqual([1, 0]);
    idle.destroy();
    listener.close();
  });
});
