import type { Activity, ActivityState } from "@weftmesh/core";
import { type Addr, type Address, type Bound, type Namer, type NameTree, Path, showAddress } from "@weftmesh/naming";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { arbPath } from "../arbitraries/paths.ts";
import { eventually } from "../eventually.ts";

/** A namer with something to find, and the means to change it. */
export interface NamerCase {
  readonly namer: Namer;
  /** What the ids of its bound names begin with: `/#` and the namer's own prefix. */
  readonly idPrefix: Path;
  /** A name, without the prefix, that is bound to `addresses` when the case begins. */
  readonly present: Path;
  readonly addresses: readonly Address[];
  /** A name that it does not know. */
  readonly absent: Path;
  /** Whether names below `present` are bound to it with a residual; true if not given. */
  readonly residuals?: boolean;
  /** Gives `present` other addresses, at the source. */
  change?(addresses: readonly Address[]): void | Promise<void>;
  /** Takes `present` away at the source. */
  remove?(): void | Promise<void>;
  /** What it now watches, polls or holds open at its source. */
  watchers?(): number;
  close?(): void | Promise<void>;
}

type Tree = NameTree<Path | Bound>;

/** An observer that keeps everything it hears. */
class Watch<T> {
  readonly states: T[] = [];
  readonly #subscription: { unsubscribe(): void };

  constructor(source: { readonly changes: { subscribe(next: (value: T) => void): { unsubscribe(): void } } }) {
    this.#subscription = source.changes.subscribe((state) => void this.states.push(state));
  }

  get last(): T | undefined {
    return this.states.at(-1);
  }

  close(): void {
    this.#subscription.unsubscribe();
  }
}

/**
 * What every namer owes, as a suite: run it with your own.
 *
 * Shape: `make` is called once per case. Cases that need `change`, `remove` or `watchers` are skipped without them.
 */
export function describeNamer(name: string, make: () => NamerCase | Promise<NamerCase>): void {
  describe(`namer ${name}`, () => {
    let subject: NamerCase;
    let watches: { close(): void }[];

    beforeEach(async () => {
      watches = [];
      subject = await make();
    });

    afterEach(async () => {
      for (const watch of watches) watch.close();
      await subject.close?.();
    });

    function observe(path: Path): Watch<ActivityState<Tree>> {
      return keep(new Watch(subject.namer.lookup(path).run));
    }

    function keep<W extends { close(): void }>(watch: W): W {
      watches.push(watch);
      return watch;
    }

    async function tree(watch: Watch<ActivityState<Tree>>): Promise<Tree> {
      await eventually("the name has a tree", () => watch.last?.state === "ok" || JSON.stringify(watch.last));
      if (watch.last?.state !== "ok") throw new Error("no tree");
      return watch.last.value;
    }

    async function bound(path: Path): Promise<Bound> {
      return onlyBound(await tree(observe(path)));
    }

    async function addresses(watch: Watch<Addr>, expected: readonly Address[]): Promise<void> {
      const wanted = expected.map(showAddress).sort().join(" ");
      await eventually(`the addresses are ${wanted}`, () => show(watch.last) === wanted || show(watch.last));
    }

    describe("lookup", () => {
      it("gives an activity at once, for any path, and never throws", async () => {
        await fc.assert(
          fc.asyncProperty(arbPath(), async (path) => {
            const activity: Activity<Tree> = subject.namer.lookup(path);
            const watch = new Watch(activity.run);
            expect(["pending", "ok", "failed"]).toContain(watch.last?.state);
            watch.close();
          }),
        );
      });

      it("first says that it is pending, or has its answer, as soon as it is observed", () => {
        expect(observe(subject.present).states).toHaveLength(1);
      });

      it("answers negatively for what is not there", async () => {
        expect((await tree(observe(subject.absent))).kind).toBe("neg");
      });

      it("binds what is there", async () => {
        const { addr } = await bound(subject.present);
        await addresses(keep(new Watch(addr)), subject.addresses);
      });
    });

    describe("bound names", () => {
      it("have ids that begin with the prefix and lead back to the same name", async () => {
        const { id } = await bound(subject.present);
        expect(id.startsWith(subject.idPrefix)).toBe(true);
        const again = await bound(id.drop(subject.idPrefix.size));
        expect(again.id.show).toBe(id.show);
      });

      it("together with the residual hold the whole path", async () => {
        const { id, residual } = await bound(subject.present);
        expect(id.concat(residual).show).toBe(subject.idPrefix.concat(subject.present).show);
      });

      it("keep their id, and give back what they did not use, when more follows the name", async ({ skip }) => {
        if (subject.residuals === false) skip();
        const plain = await bound(subject.present);
        const rest = Path.of("rest", "of the", "name/\x00\xff");
        const longer = await bound(subject.present.concat(rest));
        expect(longer.id.show).toBe(plain.id.show);
        expect(longer.residual.show).toBe(plain.residual.concat(rest).show);
      });

      it("show changes of their addresses in place, with no new tree", async ({ skip }) => {
        if (subject.change === undefined) return skip();
        const watch = observe(subject.present);
        const { addr, id } = onlyBound(await tree(watch));
        const seen = keep(new Watch(addr));
        await addresses(seen, subject.addresses);
        const moved = subject.addresses.map((each) => ({ ...each, port: each.port + 1 }));
        await subject.change(moved);
        await addresses(seen, moved);
        expect(onlyBound(await tree(watch)).id.show).toBe(id.show);
        await subject.change(subject.addresses);
        await addresses(seen, subject.addresses);
        expect(watch.states.filter((each) => each.state === "failed")).toEqual([]);
      });

      it("show the same addresses to one who comes later", async ({ skip }) => {
        if (subject.change === undefined) return skip();
        const first = await bound(subject.present);
        const early = keep(new Watch(first.addr));
        await addresses(early, subject.addresses);
        const moved = subject.addresses.map((each) => ({ ...each, port: each.port + 1 }));
        await subject.change(moved);
        await addresses(early, moved);
        await addresses(keep(new Watch((await bound(subject.present)).addr)), moved);
      });
    });

    it("says so when the name is gone", async ({ skip }) => {
      if (subject.remove === undefined) return skip();
      const watch = observe(subject.present);
      const seen = keep(new Watch(onlyBound(await tree(watch)).addr));
      await addresses(seen, subject.addresses);
      await subject.remove();
      await eventually("the tree or the address is negative", () => {
        const treeGone = watch.last?.state === "ok" && watch.last.value.kind === "neg";
        return treeGone || seen.last?.kind === "neg" || `${watch.last?.state} and ${seen.last?.kind}`;
      });
    });

    describe("watching", () => {
      it("begins with the first observer, not with the lookup", ({ skip }) => {
        if (subject.watchers === undefined) return skip();
        const before = subject.watchers();
        subject.namer.lookup(subject.present);
        expect(subject.watchers()).toBe(before);
      });

      it("ends with the last observer, and leaves nothing open", async ({ skip }) => {
        if (subject.watchers === undefined) return skip();
        const before = subject.watchers();
        const activity = subject.namer.lookup(subject.present);
        const one = keep(new Watch(activity.run));
        const other = keep(new Watch(activity.run));
        const seen = keep(new Watch(onlyBound(await tree(one)).addr));
        await addresses(seen, subject.addresses);
        expect(subject.watchers()).toBeGreaterThan(before);
        one.close();
        seen.close();
        await tree(other);
        other.close();
        await eventually("nothing is watched", () => subject.watchers?.() === before || subject.watchers?.());
      });

      it("survives an observer that leaves at once, any number of times", async ({ skip }) => {
        if (subject.watchers === undefined) return skip();
        const before = subject.watchers();
        const activity = subject.namer.lookup(subject.present);
        for (let i = 0; i < 50; i++) new Watch(activity.run).close();
        await eventually("nothing is watched", () => subject.watchers?.() === before || subject.watchers?.());
        const seen = keep(new Watch((await bound(subject.present)).addr));
        await addresses(seen, subject.addresses);
      });

      it("starts again after it has ended", async ({ skip }) => {
        if (subject.change === undefined) return skip();
        const activity = subject.namer.lookup(subject.present);
        const first = new Watch(activity.run);
        await tree(first);
        first.close();
        const moved = subject.addresses.map((each) => ({ ...each, port: each.port + 1 }));
        await subject.change(moved);
        const second = keep(new Watch(activity.run));
        await addresses(keep(new Watch(onlyBound(await tree(second)).addr)), moved);
      });
    });
  });
}

function onlyBound(tree: Tree): Bound {
  const found = leaves(tree);
  expect(found).toHaveLength(1);
  const [only] = found;
  if (only === undefined || only instanceof Path || "elems" in only) throw new Error("the name leads on to a path");
  return only;
}

function leaves(tree: Tree): (Path | Bound)[] {
  if (tree.kind === "leaf") return [tree.value];
  if (tree.kind === "alt") return tree.trees.flatMap(leaves);
  if (tree.kind === "union") return tree.trees.flatMap((each) => leaves(each.tree));
  return [];
}

function show(addr: Addr | undefined): string {
  if (addr?.kind !== "bound") return addr?.kind ?? "nothing";
  return addr.addresses.map(showAddress).sort().join(" ");
}
