import { asError, type Clock, Var } from "@weftmesh/core";
import { type Addr, type Bound, type DelegateTree, type Delegator, Dtab, delegateJson, Path } from "@weftmesh/naming";
import { type AdminEndpoint, type AdminResponse, json, status } from "./endpoint.ts";

/**
 * Finds who can explain names: the interpreter of the router with that label, or, for undefined, one without namers.
 * Undefined for an interpreter that cannot explain itself.
 */
export type FindDelegator = (namespace: string | undefined) => Delegator | undefined;

/** The longest time for an explanation; addresses may still be on their way. */
const maxMs = 2_000;

/** `/delegator.json`: GET with `namespace`, `dtab` and `path` in the query, or POST with them as JSON. */
export function delegatorEndpoint(find: FindDelegator, clock: Clock): AdminEndpoint {
  return {
    path: "/delegator.json",
    methods: ["GET", "POST"],
    handle: (req) => {
      if (req.method === "GET") {
        const { query } = req;
        return answer(find, clock, query.get("namespace") ?? undefined, query.get("dtab") ?? "", query.get("path"));
      }
      if (req.contentType !== "application/json") return status(415, "a delegation request is application/json");
      const asked = readRequest(req.body);
      if (asked === undefined) return status(400, `Malformed delegation request: ${req.body.slice(0, 200)}`);
      return answer(find, clock, asked.namespace, asked.dtab, asked.path);
    },
  };
}

interface Asked {
  readonly namespace: string | undefined;
  readonly dtab: string;
  readonly path: string;
}

function readRequest(body: string): Asked | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const { namespace, dtab, path } = parsed as Readonly<Record<string, unknown>>;
  if (typeof dtab !== "string" || typeof path !== "string") return undefined;
  if (namespace != null && typeof namespace !== "string") return undefined;
  return { namespace: namespace ?? undefined, dtab, path };
}

function answer(
  find: FindDelegator,
  clock: Clock,
  namespace: string | undefined,
  dtabText: string,
  pathText: string | null,
): AdminResponse | Promise<AdminResponse> {
  let dtab: Dtab;
  let path: Path;
  try {
    dtab = Dtab.read(dtabText);
  } catch (thrown) {
    return status(400, `Invalid dtab: ${asError(thrown).message}`);
  }
  try {
    path = Path.read(pathText ?? "");
  } catch (thrown) {
    return status(400, `Invalid path: ${asError(thrown).message}`);
  }
  const delegator = find(namespace);
  if (delegator === undefined) {
    return status(501, `Name Interpreter for ${namespace ?? "no namespace"} cannot show delegations`);
  }
  return new Promise((resolve, reject) => {
    const watch = new FirstValue(explained(delegator, dtab, path), resolve, reject);
    watch.expire(clock, () => resolve(status(503, "Request timed out.")));
  });
}

type Explained =
  | { readonly state: "pending" }
  | { readonly state: "ok"; readonly answer: AdminResponse }
  | { readonly state: "failed"; readonly error: Error };

const pending: Explained = { state: "pending" };

/** The explanation, once every branch and every address behind it has an answer. */
function explained(delegator: Delegator, dtab: Dtab, path: Path): Var<Explained> {
  return delegator.delegate(dtab, path).run.flatMap((each): Var<Explained> => {
    if (each.state !== "ok") return Var.of<Explained>(each);
    const bounds = boundsOf(each.value, []);
    return Var.all(bounds.map((bound) => bound.addr)).map((addrs): Explained => {
      if (addrs.some((addr) => addr.kind === "pending")) return pending;
      const addrOf = new Map(bounds.map((bound, i) => [bound, addrs[i] as Addr]));
      return { state: "ok", answer: json(delegateJson(each.value, (bound) => addrOf.get(bound) as Addr)) };
    });
  });
}

function boundsOf(tree: DelegateTree, into: Bound[]): readonly Bound[] {
  if (tree.kind === "leaf" || tree.kind === "transformation") into.push(tree.bound);
  if (tree.kind === "alt") for (const each of tree.trees) boundsOf(each, into);
  else if (tree.kind === "union") for (const each of tree.trees) boundsOf(each.tree, into);
  else if (tree.kind === "delegate" || tree.kind === "transformation") boundsOf(tree.tree, into);
  return into;
}

/** Observes until there is an answer, or time is up, and lets go of everything then. */
class FirstValue {
  #done = false;
  #stop: (() => void) | undefined;

  constructor(source: Var<Explained>, resolve: (answer: AdminResponse) => void, reject: (error: Error) => void) {
    const watching = source.changes.subscribe({
      next: (each) => {
        if (this.#done || each.state === "pending") return;
        this.#finish();
        if (each.state === "ok") resolve(each.answer);
        else reject(each.error);
      },
      error: (thrown: unknown) => {
        this.#finish();
        reject(asError(thrown));
      },
    });
    this.#add(() => watching.unsubscribe());
  }

  expire(clock: Clock, expired: () => void): void {
    if (this.#done) return;
    const timer = clock.after(maxMs, () => {
      this.#finish();
      expired();
    });
    this.#add(() => timer.cancel());
  }

  /** The answer may have come before there was anything to stop. */
  #add(stop: () => void): void {
    if (this.#done) {
      stop();
      return;
    }
    const before = this.#stop;
    this.#stop = () => {
      before?.();
      stop();
    };
  }

  #finish(): void {
    this.#done = true;
    this.#stop?.();
    this.#stop = undefined;
  }
}
