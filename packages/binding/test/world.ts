import { Activity, type ActivityState, Ctx, failed, ok, type Service, Var, type VarSource } from "@weftmesh/core";
import {
  type Addr,
  address,
  type Bound,
  boundAddr,
  Dtab,
  type Interpreter,
  type NameTree,
  Path,
} from "@weftmesh/naming";
import { ManualClock, MemoryStats, seededRng } from "@weftmesh/testkit";
import { type Binding, type BindingOptions, newBinding } from "../src/index.ts";

/** A service that keeps count of its life, and holds each answer until the test gives it. */
export class Probe implements Service<string, string> {
  readonly label: string;
  readonly below: Service<string, string> | undefined;
  readonly status = "open" as const;
  calls = 0;
  closes = 0;
  inFlight = 0;
  /** Calls that ended after the close began. */
  lateEnds = 0;

  constructor(label: string, below?: Service<string, string>) {
    this.label = label;
    this.below = below;
  }

  call(req: string, ctx: Ctx): Promise<string> {
    this.calls++;
    this.inFlight++;
    ctx.observe({
      onEnd: () => {
        this.inFlight--;
        if (this.closes > 0) this.lateEnds++;
      },
    });
    if (this.below !== undefined) return this.below.call(req, ctx);
    return Promise.resolve(`${req} from ${this.label}`);
  }

  close(): Promise<void> {
    this.closes++;
    return this.below?.close() ?? Promise.resolve();
  }
}

export type BoundState = ActivityState<NameTree<Bound>>;

/** An interpreter whose answers the test gives, and which counts who observes them. */
export class ScriptedInterpreter implements Interpreter {
  readonly names = new Map<string, VarSource<BoundState>>();
  readonly binds: { readonly dtab: Dtab; readonly path: Path }[] = [];
  observers = 0;

  source(name: string): VarSource<BoundState> {
    let source = this.names.get(name);
    if (source === undefined) {
      source = Var.source<BoundState>({ state: "pending" });
      this.names.set(name, source);
    }
    return source;
  }

  set(name: string, tree: NameTree<Bound>): void {
    this.source(name).set({ state: "ok", value: tree });
  }

  bind(dtab: Dtab, path: Path): Activity<NameTree<Bound>> {
    this.binds.push({ dtab, path });
    return new Activity(counted(this.source(path.show), this));
  }
}

/** The var, which says in `observers` how many look. */
export function counted<T>(inner: Var<T>, count: { observers: number }): Var<T> {
  return Var.async<T>(inner.sample(), (update) => {
    count.observers++;
    const subscription = inner.changes.subscribe((value) => update(value));
    return () => {
      count.observers--;
      subscription.unsubscribe();
    };
  });
}

export const someAddr: Addr = boundAddr([address("127.0.0.1", 80)]);

/** Bound names whose addresses the test can change, and which count who observes them. */
export class Names {
  readonly addrs = new Map<string, VarSource<Addr>>();
  observers = 0;

  bound(id: string, residual = "/", initial: Addr = someAddr): Bound {
    let source = this.addrs.get(id);
    if (source === undefined) {
      source = Var.source<Addr>(initial);
      this.addrs.set(id, source);
    }
    return { id: Path.read(id), residual: Path.read(residual), addr: counted(source, this) };
  }
}

export interface World {
  readonly clock: ManualClock;
  readonly stats: MemoryStats;
  readonly interpreter: ScriptedInterpreter;
  readonly names: Names;
  readonly binding: Binding<string, string>;
  readonly paths: Probe[];
  readonly bounds: Probe[];
  readonly clients: Probe[];
  /** Starts a call on a ctx of its own. */
  call(name: string, dtab?: Dtab): Call;
}

export class Call {
  readonly ctx: Ctx = new Ctx();
  readonly result: Promise<string>;
  settled: string | Error | undefined;

  constructor(start: (ctx: Ctx) => Promise<string>) {
    this.result = start(this.ctx);
    this.result.then(
      (rep) => {
        this.settled = rep;
      },
      (error: Error) => {
        this.settled = error;
      },
    );
  }

  end(): void {
    this.ctx.end(this.settled instanceof Error ? failed(this.settled) : ok);
  }
}

export function newWorld(options: Partial<BindingOptions<string, string>> = {}): World {
  const clock = new ManualClock();
  const stats = new MemoryStats();
  const interpreter = new ScriptedInterpreter();
  const names = new Names();
  const paths: Probe[] = [];
  const bounds: Probe[] = [];
  const clients: Probe[] = [];
  const binding = newBinding<string, string>({
    interpreter,
    baseDtab: Dtab.empty,
    newPathStack: (dst, below) => keep(paths, new Probe(dst.path.show, below)),
    newBoundStack: (bound, below) => keep(bounds, new Probe(`${bound.id.show} ${bound.residual.show}`, below)),
    newClientStack: (bound) => keep(clients, new Probe(bound.id.show)),
    clock,
    rng: seededRng(1),
    stats,
    ...options,
  });
  return {
    clock,
    stats,
    interpreter,
    names,
    binding,
    paths,
    bounds,
    clients,
    call: (name, dtab = Dtab.empty) => new Call((ctx) => binding.lookup(Path.read(name), dtab).call("hello", ctx)),
  };
}

function keep<T>(into: T[], value: T): T {
  into.push(value);
  return value;
}
