import { asError, type Ctx, type Service, type Status } from "@weftmesh/core";
import type { Dtab, Path } from "@weftmesh/naming";
import type { BoundSwitch } from "./bound-switch.ts";
import type { IdleEntry } from "./idle-cache.ts";

/** A logical name and the request's own delegations. */
export interface LogicalDst {
  readonly path: Path;
  readonly dtab: Dtab;
}

/** Where a path that is not in the cache (any more) is called. */
export interface Reentry<Req, Rep> {
  /** An entry to be used at once. Errors: throws what the making of a path stack throws, and `WEFT_CLOSED`. */
  enter(dst: LogicalDst): IdleEntry<PathService<Req, Rep>>;
}

/** A path stack in the cache: counts each call against its entry. */
export class PathService<Req, Rep> implements Service<Req, Rep> {
  readonly dst: LogicalDst;
  readonly below: BoundSwitch<Req, Rep>;
  /** Its own entry; undefined for a stack that serves one call only. */
  entry: IdleEntry<PathService<Req, Rep>> | undefined = undefined;
  readonly #stack: Service<Req, Rep>;
  readonly #owner: Reentry<Req, Rep>;

  constructor(owner: Reentry<Req, Rep>, dst: LogicalDst, below: BoundSwitch<Req, Rep>, stack: Service<Req, Rep>) {
    this.#owner = owner;
    this.dst = dst;
    this.below = below;
    this.#stack = stack;
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    const entry = this.entry;
    if (entry === undefined || !entry.live) return callAnew(this.#owner, this.dst, req, ctx);
    entry.use(ctx);
    return this.#stack.call(req, ctx);
  }

  /** The call of a stack whose entry counts it already. */
  callCounted(req: Req, ctx: Ctx): Promise<Rep> {
    return this.#stack.call(req, ctx);
  }

  get status(): Status {
    return this.#stack.status;
  }

  /** The stack belongs to the cache: whoever looked it up has nothing to close. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  /** For the cache. */
  async end(): Promise<void> {
    await this.#stack.close();
    // A stack passes this on; one that forgot must not leave the name observed for ever.
    await this.below.close();
  }
}

/** Stands in for a path stack for which there was no room when it was looked up. */
export class UncachedPath<Req, Rep> implements Service<Req, Rep> {
  readonly status: Status = "open";
  readonly #owner: Reentry<Req, Rep>;
  readonly #dst: LogicalDst;

  constructor(owner: Reentry<Req, Rep>, dst: LogicalDst) {
    this.#owner = owner;
    this.#dst = dst;
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    return callAnew(this.#owner, this.#dst, req, ctx);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function callAnew<Req, Rep>(owner: Reentry<Req, Rep>, dst: LogicalDst, req: Req, ctx: Ctx): Promise<Rep> {
  let entry: IdleEntry<PathService<Req, Rep>>;
  try {
    entry = owner.enter(dst);
  } catch (thrown) {
    return Promise.reject(asError(thrown));
  }
  entry.use(ctx);
  return entry.value.callCounted(req, ctx);
}
