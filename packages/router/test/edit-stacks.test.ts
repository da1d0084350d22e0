import { definePlugin, NoKeys } from "@weftmesh/config";
import { filterModule, type Param, Params, param, role, Stack, service } from "@weftmesh/core";
import { HttpResponse } from "@weftmesh/http";
import { describe, expect, it } from "vitest";
import { applyEdits, StackEditError } from "../src/edit-stacks.ts";
import type { HttpService } from "../src/http-service.ts";
import { describeStack, type StackSet } from "../src/stack-set.ts";

const Speed: Param<number> = param("speed", 1);

const marker = (name: string) =>
  filterModule({
    role: role(name),
    description: `marks ${name}`,
    params: { speed: Speed },
    filter:
      ({ speed }) =>
      (req, ctx, next) => {
        (req as { seen?: string[] }).seen?.push(`${name}@${speed}`);
        return next.call(req, ctx);
      },
  });

const extra = definePlugin({
  type: "module",
  kind: "com.acme.extra",
  schema: NoKeys,
  make: () => ({ role: role("extra"), stackable: marker("extra") }),
});
const chosen = { kind: extra.kind, plugin: extra, config: {}, experimental: false };

function stacks(): StackSet {
  const make = (): Stack<HttpService> =>
    new Stack([marker("a")(), marker("b")()], () => service(async () => new HttpResponse(200)));
  return { server: make(), path: make(), bound: make(), client: make() };
}

async function order(stack: Stack<HttpService>, params = Params.empty): Promise<string[]> {
  const req = { seen: [] as string[] };
  await stack.make(params).call(req as never, {} as never);
  return req.seen;
}

describe("the edits of a config", () => {
  it("put a module before, after or in place of a role, and take one out, in their order", async () => {
    const edited = applyEdits(
      stacks(),
      {
        server: [{ edit: "before", role: role("b"), module: chosen }],
        path: [{ edit: "after", role: role("b"), module: chosen }],
        bound: [{ edit: "replace", role: role("a"), module: chosen }],
        client: [
          { edit: "after", role: role("a"), module: chosen },
          { edit: "remove", role: role("a") },
        ],
      },
      Params.empty,
      "http",
    );
    expect(await order(edited.server)).toEqual(["a@1", "extra@1", "b@1"]);
    expect(await order(edited.path)).toEqual(["a@1", "b@1", "extra@1"]);
    expect(await order(edited.bound)).toEqual(["extra@1", "b@1"]);
    expect(await order(edited.client)).toEqual(["extra@1", "b@1"]);
  });

  it("set parameters of one role only", async () => {
    const edits = { server: [{ edit: "set", role: role("a"), params: { speed: 5 } }] } as const;
    const edited = applyEdits(stacks(), edits, Params.empty, "http");
    expect(await order(edited.server)).toEqual(["a@5", "b@1"]);
    expect(await order(edited.server, Params.empty.with(Speed, 3))).toEqual(["a@5", "b@3"]);
    expect(describeStack(edited.server, Params.empty)[0]?.params["speed"]).toEqual({ value: 5, isDefault: false });
    const twice = applyEdits(
      edited,
      { server: [{ edit: "set", role: role("a"), params: { speed: 7 } }] },
      Params.empty,
      "http",
    );
    expect(await order(twice.server)).toEqual(["a@7", "b@1"]);
  });

  it("name the router, the stack, the edit and the roles there are when a role is not there", () => {
    const edits = {
      client: [
        { edit: "remove", role: role("a") },
        { edit: "remove", role: role("nope") },
      ],
    } as const;
    expect(() => applyEdits(stacks(), edits, Params.empty, "out")).toThrow(
      expect.objectContaining({
        code: "WEFT_STACK_ROLE",
        message: "router out, client stack: the stack has no role nope; it has b",
        routerLabel: "out",
        stackName: "client",
        index: 1,
        key: "remove",
      }),
    );
  });

  it("refuse a parameter that a role does not have, or a value of another type", () => {
    const set = (params: Record<string, string | number>) =>
      ({ path: [{ edit: "set", role: role("a"), params }] }) as const;
    expect(() => applyEdits(stacks(), set({ sped: 1 }), Params.empty, "r")).toThrow(
      "a has no parameter sped; it has speed",
    );
    expect(() => applyEdits(stacks(), set({ speed: "fast" }), Params.empty, "r")).toThrow(StackEditError);
    expect(() => applyEdits(stacks(), set({ speed: "fast" }), Params.empty, "r")).toThrow(
      'a takes a number for speed, and was given "fast"',
    );
  });
});

describe("the listing of a stack", () => {
  it("has a row for each module in order, with its parameters and whether they are defaults", () => {
    expect(describeStack(stacks().server, Params.empty)).toEqual([
      { role: "a", description: "marks a", params: { speed: { value: 1, isDefault: true } } },
      { role: "b", description: "marks b", params: { speed: { value: 1, isDefault: true } } },
    ]);
    const [row] = describeStack(stacks().server, Params.empty.with(Speed, 2));
    expect(row?.params["speed"]).toEqual({ value: 2, isDefault: false });
  });
});
