import { Ctx, ok, type Service, type Status } from "@weftmesh/core";
import { address } from "@weftmesh/naming";
import { settle } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { Node } from "../src/index.ts";

class PlainNode extends Node<string, string> {
  load(): number {
    return this.pending;
  }
}

/** What a node has made, with the closes in the hand of the test. */
class Made implements Service<string, string> {
  status: Status = "open";
  closes = 0;
  finish: (failure?: Error) => void = () => {};

  call(): Promise<string> {
    return Promise.resolve("rep");
  }

  close(): Promise<void> {
    this.closes++;
    return new Promise((resolve, reject) => {
      this.finish = (failure) => (failure === undefined ? resolve() : reject(failure));
    });
  }
}

function subject(): { node: PlainNode; made: Made[] } {
  const made: Made[] = [];
  const node = new PlainNode(
    address("10.0.0.1", 80),
    () => {
      const each = new Made();
      made.push(each);
      return each;
    },
    () => {},
  );
  return { node, made };
}

function call(node: PlainNode): Ctx {
  const ctx = new Ctx();
  void node.call("req", ctx);
  return ctx;
}

describe("Node", () => {
  it("tells its listener of each call as it begins and ends, by its slot and with the call counted", () => {
    const { node } = subject();
    const heard: [string, number, number][] = [];
    node.listener = {
      began: (slot) => void heard.push(["began", slot, node.pending]),
      ended: (slot) => void heard.push(["ended", slot, node.pending]),
    };
    node.slot = 7;
    const [a, b] = [call(node), call(node)];
    a.end(ok);
    node.slot = 3;
    b.end(ok);
    expect(heard).toEqual([
      ["began", 7, 1],
      ["began", 7, 2],
      ["ended", 7, 1],
      ["ended", 3, 0],
    ]);
  });

  it("rests: closes what it has, once, and makes another for the next call", () => {
    const { node, made } = subject();
    expect(node.rest()).toBe(false);
    call(node).end(ok);
    expect(node.rest()).toBe(true);
    expect(node.rest()).toBe(false);
    expect(made.map((each) => each.closes)).toEqual([1]);
    expect(node.status).toBe("open");
    call(node).end(ok);
    expect(made.map((each) => each.closes)).toEqual([1, 0]);
  });

  it("does not rest while it has calls, nor when it is not open, nor once it is retired", async () => {
    const { node, made } = subject();
    const ctx = call(node);
    expect(node.rest()).toBe(false);
    ctx.end(ok);
    const [only] = made as [Made];
    only.status = "busy";
    expect([node.rest(), only.closes]).toEqual([false, 0]);
    only.status = "open";
    const retired = node.retire();
    expect(node.rest()).toBe(false);
    only.finish();
    await retired;
    expect(only.closes).toBe(1);
  });

  it("is not retired before everything that it rested from is closed", async () => {
    const { node, made } = subject();
    for (let i = 0; i < 2; i++) {
      call(node).end(ok);
      node.rest();
    }
    call(node).end(ok);
    expect(node.idle).toBe(false);
    let over = false;
    void node.retire().then(() => {
      over = true;
    });
    for (const each of [...made].reverse()) {
      await settle();
      expect([over, each.closes]).toEqual([false, 1]);
      each.finish();
    }
    await settle();
    expect(over).toBe(true);
  });

  it("is idle again when what it rested from is closed", async () => {
    const { node, made } = subject();
    expect(node.idle).toBe(true);
    call(node).end(ok);
    expect(node.idle).toBe(false);
    node.rest();
    expect(node.idle).toBe(false);
    made[0]?.finish();
    await settle();
    expect(node.idle).toBe(true);
    await node.retire();
  });

  it("says at the end that a close failed with which it had rested", async () => {
    const { node, made } = subject();
    call(node).end(ok);
    node.rest();
    made[0]?.finish(new Error("would not close"));
    await settle();
    await expect(node.retire()).rejects.toThrow("would not close");
  });
});
