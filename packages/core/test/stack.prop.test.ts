import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  Ctx,
  defineModule,
  filterModule,
  type Module,
  Params,
  param,
  role,
  type Service,
  Stack,
  StackRoleError,
  service,
  withParams,
} from "../src/index.ts";

const roles = ["a", "b", "c", "d"] as const;
/** A module that leaves its id on what is made, and whether it was made at all. */
function marked(name: string, id: number, made: string[] = []): Module<readonly string[]> {
  return defineModule<readonly string[], Record<never, never>>({
    role: role(name),
    description: "leaves a mark",
    params: {},
    make: (_values, next) => {
      made.push(`${name}${id}`);
      return [`${name}${id}`, ...next];
    },
  });
}

type Op =
  | { readonly kind: "prepend" | "before" | "after" | "replace" | "concat"; readonly at: string; readonly name: string }
  | { readonly kind: "remove"; readonly at: string };
const arbRole = fc.constantFrom(...roles);
const arbOp: fc.Arbitrary<Op> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("prepend", "before", "after", "replace", "concat"),
    at: arbRole,
    name: arbRole,
  }),
  fc.record({ kind: fc.constant("remove" as const), at: arbRole }),
);

interface Mark {
  readonly name: string;
  readonly id: number;
}

/** Each edit in the terms of arrays. */
function edit(marks: readonly Mark[], op: Op, mark: Mark): readonly Mark[] {
  switch (op.kind) {
    case "prepend":
      return [mark, ...marks];
    case "concat":
      return [...marks, mark];
    case "before":
      return marks.flatMap((each) => (each.name === op.at ? [mark, each] : [each]));
    case "after":
      return marks.flatMap((each) => (each.name === op.at ? [each, mark] : [each]));
    case "replace":
      return marks.map((each) => (each.name === op.at ? mark : each));
    case "remove":
      return marks.filter((each) => each.name !== op.at);
  }
}

function editStack(stack: Stack<readonly string[]>, op: Op, mark: Mark): Stack<readonly string[]> {
  const module = marked(mark.name, mark.id);
  if (op.kind === "prepend") return stack.prepend(module);
  if (op.kind === "concat") return stack.concat(new Stack([module], () => ["other leaf"]));
  if (op.kind === "remove") return stack.remove(role(op.at));
  return stack[op.kind](role(op.at), module);
}

describe("Stack", () => {
  it("is edited as a list is, and an absent role is an error that names those there are", () => {
    fc.assert(
      fc.property(fc.array(arbOp, { maxLength: 20 }), (ops) => {
        let stack = new Stack<readonly string[]>([], () => ["leaf"]);
        let marks: readonly Mark[] = [];
        let leaf = "leaf";
        ops.forEach((op, id) => {
          const mark = { name: op.kind === "remove" ? "" : op.name, id };
          const byRole = op.kind !== "prepend" && op.kind !== "concat";
          if (byRole && !marks.some((each) => each.name === op.at)) {
            expect(() => editStack(stack, op, mark)).toThrow(StackRoleError);
            expect(() => editStack(stack, op, mark)).toThrow(
              marks.length === 0 ? "none" : marks.map((each) => each.name).join(", "),
            );
            return;
          }
          const before = stack;
          const beforeMarks = stack.make(Params.empty);
          stack = editStack(stack, op, mark);
          marks = edit(marks, op, mark);
          if (op.kind === "concat") leaf = "other leaf";
          expect(before.make(Params.empty)).toEqual(beforeMarks);
        });
        expect(stack.roles).toEqual(marks.map((each) => each.name));
        expect(stack.make(Params.empty)).toEqual([...marks.map((each) => `${each.name}${each.id}`), leaf]);
        for (const name of roles) expect(stack.has(role(name))).toBe(marks.some((each) => each.name === name));
      }),
    );
  });

  it("undoes an insertion by removing what was inserted, and insertions at other roles commute", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.constantFrom("a", "b", "c"), { minLength: 2 }), (names) => {
        const stack = new Stack<readonly string[]>(
          names.map((name, id) => marked(name, id)),
          () => ["leaf"],
        );
        const [first, second] = names.map((name) => role(name)) as [ReturnType<typeof role>, ReturnType<typeof role>];
        const x = marked("x", 8);
        const y = marked("y", 9);
        const plain = stack.make(Params.empty);
        expect(stack.before(first, x).remove(role("x")).make(Params.empty)).toEqual(plain);
        expect(stack.after(first, x).remove(role("x")).make(Params.empty)).toEqual(plain);
        expect(stack.before(first, x).after(second, y).make(Params.empty)).toEqual(
          stack.after(second, y).before(first, x).make(Params.empty),
        );
      }),
    );
  });

  it("concatenates associatively and keeps the last leaf", () => {
    fc.assert(
      fc.property(fc.array(fc.array(arbRole), { minLength: 3, maxLength: 3 }), (lists) => {
        const [a, b, c] = lists.map(
          (names, n) =>
            new Stack<readonly string[]>(
              names.map((name, id) => marked(name, id)),
              () => [`leaf ${n}`],
            ),
        ) as [Stack<readonly string[]>, Stack<readonly string[]>, Stack<readonly string[]>];
        const left = a.concat(b).concat(c).make(Params.empty);
        expect(left).toEqual(a.concat(b.concat(c)).make(Params.empty));
        expect(left).toEqual([...lists.flatMap((names) => names.map((name, id) => `${name}${id}`)), "leaf 2"]);
      }),
    );
  });

  it("makes the innermost first, anew each time, and is met by a request from the outermost on", async () => {
    const made: string[] = [];
    const stack = new Stack<readonly string[]>(
      [marked("a", 0, made), marked("b", 1, made), marked("c", 2, made)],
      () => {
        made.push("leaf");
        return [];
      },
    );
    expect(stack.make(Params.empty)).not.toBe(stack.make(Params.empty));
    expect(made).toEqual(["leaf", "c2", "b1", "a0", "leaf", "c2", "b1", "a0"]);
    const met: string[] = [];
    const meets = (name: string): Module<Service<string, string>> =>
      filterModule({
        role: role(name),
        description: "says that it was met",
        params: {},
        filter: () => (req, ctx, next) => {
          met.push(name);
          return next.call(req, ctx);
        },
      })<string, string>();
    const services = new Stack([meets("a"), meets("b")], () => service(async (req: string) => req));
    expect(await services.make(Params.empty).call("x", new Ctx())).toBe("x");
    expect(met).toEqual(["a", "b"]);
  });

  it("builds nothing for a filter that leaves itself out", () => {
    const leaf = service(async (req: string) => req);
    const out = filterModule({ role: role("out"), description: "is not there", params: {}, filter: () => undefined });
    expect(new Stack([out<string, string>(), out<string, string>()], () => leaf).make(Params.empty)).toBe(leaf);
  });

  it("shows parameters that a module sets to what stands below, and to nobody above", () => {
    const Depth = param("depth", 0);
    const seen: [string, number][] = [];
    const reads = (name: string): Module<string> => ({
      role: role(name),
      description: "reads and deepens",
      params: { Depth },
      make: (params, next) => {
        seen.push([name, params.get(Depth)]);
        const below = next.make(params.with(Depth, params.get(Depth) + 1));
        seen.push([`${name} afterwards`, params.get(Depth)]);
        return below;
      },
    });
    new Stack([reads("a"), reads("b")], (params) => `${params.get(Depth)}`).make(Params.empty);
    expect(seen).toEqual([
      ["a", 0],
      ["b", 1],
      ["b afterwards", 1],
      ["a afterwards", 0],
    ]);
  });

  it("shows fixed parameters to the one module they are fixed for", () => {
    const Size = param("size", 1);
    const Other = param("other", "default");
    const seen: unknown[] = [];
    const reads = (name: string, sets?: number): Module<string> => ({
      role: role(name),
      description: "reads",
      params: { Size, Other },
      make: (params, next) => {
        seen.push([name, params.get(Size), params.has(Size), params.get(Other)]);
        return next.make(sets === undefined ? params : params.with(Size, sets));
      },
    });
    const fixed = Params.empty.with(Size, 5).with(Other, "fixed");
    const stack = new Stack([withParams(reads("a"), fixed), reads("b")], () => "");
    stack.make(Params.empty.with(Other, "set"));
    stack.make(Params.empty.with(Size, 9));
    new Stack([withParams(reads("own", 7), fixed), reads("b")], () => "").make(Params.empty);
    expect(seen).toEqual([
      ["a", 5, true, "fixed"],
      ["b", 1, false, "set"],
      ["a", 5, true, "fixed"],
      ["b", 9, true, "default"],
      ["own", 5, true, "fixed"],
      ["b", 7, true, "default"],
    ]);
  });
});
