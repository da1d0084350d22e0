import {
  type Activity,
  type ActivityState,
  asError,
  ClosedError,
  type Ctx,
  hasFlag,
  type Service,
  type Status,
} from "@weftmesh/core";
import type { Bound, Dtab, NameTree, Path } from "@weftmesh/naming";
import { treeKey } from "./bound-tree.ts";
import { BindingFailedError, BindingQueueFullError, NoBindingError } from "./errors.ts";
import type { IdleCache, IdleEntry } from "./idle-cache.ts";
import type { TreeLeaf, TreeRoute } from "./tree-route.ts";
import type { WaitingCall, WaitingQueue, WaitingRoom, WaitingTarget } from "./waiting-room.ts";

export type TreeCache<Req, Rep> = IdleCache<NameTree<Bound>, TreeRoute<Req, Rep>>;

interface Target<Req, Rep> extends WaitingTarget<Req, Rep> {
  /** Where to wait for its addresses first. */
  readonly queue: WaitingQueue<Req, Rep> | undefined;
}

/** What a switch needs beside its name. */
export interface SwitchOptions<Req, Rep> {
  readonly path: Path;
  readonly baseDtab: Dtab;
  readonly localDtab: Dtab;
  readonly trees: TreeCache<Req, Rep>;
  readonly room: WaitingRoom<Req, Rep>;
  /** Asked once. */
  bind(): Activity<NameTree<Bound>>;
}

/**
 * What stands below a path stack: sends each call to what its name is bound to at that moment.
 *
 * Shape: it subscribes to the binding once, when it is made, and keeps the answer in fields; a call reads those. Until
 * the first answer calls wait, in order. Once there was a tree, the last one stays whatever the interpreter says.
 * Cost: a call on a bound name is a few field reads and one observer per cache.
 */
export class BoundSwitch<Req, Rep> implements Service<Req, Rep> {
  readonly #options: SwitchOptions<Req, Rep>;
  readonly #waiting: WaitingQueue<Req, Rep> = new Set();
  readonly #subscription: { unsubscribe(): void };
  #tree: NameTree<Bound> | undefined;
  #key = "";
  #failure: Error | undefined;
  #route: IdleEntry<TreeRoute<Req, Rep>> | undefined;
  #closed = false;

  constructor(options: SwitchOptions<Req, Rep>) {
    this.#options = options;
    this.#subscription = this.#subscribe();
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    const route = this.#route;
    if (route === undefined || !route.live) return this.#callUnrouted(req, ctx);
    const leaf = route.value.choose();
    const stack = leaf?.kept;
    if (stack === undefined || !stack.live || !stack.value.client.ready)
      return this.#callThrough(route, leaf, req, ctx);
    route.use(ctx);
    stack.use(ctx);
    return stack.value.service.call(req, ctx);
  }

  get status(): Status {
    if (this.#closed) return "closed";
    return this.#route?.live ? this.#route.value.status : this.#tree === undefined ? "busy" : "open";
  }

  /** What the name is bound to, as text; `undefined` before the first answer. */
  get tree(): string | undefined {
    return this.#tree === undefined ? undefined : this.#key;
  }

  /** Why there is no tree, when asking for one failed. */
  get failure(): Error | undefined {
    return this.#tree === undefined ? this.#failure : undefined;
  }

  /** Ends the subscription; calls that wait are refused. Those under way are counted by the caches, not here. */
  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#subscription.unsubscribe();
      this.#route = undefined;
      for (const each of [...this.#waiting]) each.fail(this.#closedError());
    }
    return Promise.resolve();
  }

  #subscribe(): { unsubscribe(): void } {
    try {
      return this.#options.bind().run.changes.subscribe({
        next: (state) => this.#set(state),
        error: (thrown: unknown) => this.#fail(asError(thrown)),
      });
    } catch (thrown) {
      this.#fail(asError(thrown));
      return { unsubscribe: () => {} };
    }
  }

  #set(state: ActivityState<NameTree<Bound>>): void {
    if (this.#closed || state.state === "pending") return;
    if (state.state === "failed") {
      this.#fail(state.error);
      return;
    }
    const key = treeKey(state.value);
    this.#tree = state.value;
    if (key !== this.#key) {
      this.#key = key;
      this.#route = undefined;
    }
    for (const each of [...this.#waiting]) this.#dispatch(each, state.value);
  }

  #fail(error: Error): void {
    if (this.#tree !== undefined) return;
    this.#failure = hasFlag(error, "naming") ? error : new BindingFailedError(this.#options.path, error);
    for (const each of [...this.#waiting]) each.fail(this.#failure);
  }

  #callUnrouted(req: Req, ctx: Ctx): Promise<Rep> {
    if (this.#closed) return Promise.reject(this.#closedError());
    if (this.#tree === undefined) {
      if (this.#failure !== undefined) return Promise.reject(this.#failure);
      return this.#wait(this.#waiting, undefined, req, ctx);
    }
    let route: IdleEntry<TreeRoute<Req, Rep>>;
    try {
      route = this.#findRoute(this.#tree);
    } catch (thrown) {
      return Promise.reject(asError(thrown));
    }
    return this.#callThrough(route, route.value.choose(), req, ctx);
  }

  #callThrough(
    route: IdleEntry<TreeRoute<Req, Rep>>,
    leaf: TreeLeaf<Req, Rep> | undefined,
    req: Req,
    ctx: Ctx,
  ): Promise<Rep> {
    try {
      const target = this.#target(route, leaf, ctx);
      if (target.queue === undefined) return target.service.call(req, ctx);
      return this.#wait(target.queue, target, req, ctx);
    } catch (thrown) {
      return Promise.reject(asError(thrown));
    }
  }

  #findRoute(tree: NameTree<Bound>): IdleEntry<TreeRoute<Req, Rep>> {
    const kept = this.#route;
    if (kept?.live) return kept;
    const route = this.#options.trees.get(this.#key, tree);
    this.#route = route.live ? route : undefined;
    return route;
  }

  /** Errors: throws `WEFT_NO_BINDING` for a branch with nobody, and whatever the making of a stack throws. */
  #target(route: IdleEntry<TreeRoute<Req, Rep>>, leaf: TreeLeaf<Req, Rep> | undefined, ctx: Ctx): Target<Req, Rep> {
    route.use(ctx);
    if (leaf === undefined) throw this.#noBinding();
    const stack = leaf.stack();
    stack.use(ctx);
    const { client, service } = stack.value;
    const pending = client.pending();
    // In use while somebody waits for it, so that nobody evicts it.
    pending?.use(ctx);
    return { service, id: leaf.bound.id.show, queue: pending?.value.waiting };
  }

  #wait(queue: WaitingQueue<Req, Rep>, target: WaitingTarget<Req, Rep> | undefined, req: Req, ctx: Ctx): Promise<Rep> {
    const waiting = this.#options.room.enter(this.#options.path, req, ctx);
    if (waiting instanceof BindingQueueFullError) return Promise.reject(waiting);
    waiting.join(queue, target);
    return waiting.promise;
  }

  /** Takes a call that waited for the name to its target, or to where it waits for the addresses of that. */
  #dispatch(waiting: WaitingCall<Req, Rep>, tree: NameTree<Bound>): void {
    try {
      const route = this.#findRoute(tree);
      const target = this.#target(route, route.value.choose(), waiting.ctx);
      if (target.queue === undefined) waiting.go(target.service);
      else waiting.join(target.queue, target);
    } catch (thrown) {
      waiting.fail(asError(thrown));
    }
  }

  #closedError(): ClosedError {
    return new ClosedError(`the binding of ${this.#options.path.show}`);
  }

  #noBinding(): NoBindingError {
    const { path, baseDtab, localDtab } = this.#options;
    return new NoBindingError(path, baseDtab, localDtab);
  }
}
