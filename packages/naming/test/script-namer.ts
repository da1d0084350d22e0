import { Activity, type ActivityState, pending, Var, type VarSource } from "@weftmesh/core";
import { type Addr, type Bound, boundAddr, leaf, type Namer, type NameTree, Path } from "../src/index.ts";

export type Answer = ActivityState<NameTree<Path | Bound>>;

/** A bound name; two made for the same text are two objects. */
export function boundTo(id: string, residual = "/"): Bound {
  return { id: Path.read(id), residual: Path.read(residual), addr: Var.of<Addr>(boundAddr([])) };
}

export function found(tree: NameTree<Path | Bound>): Answer {
  return { state: "ok", value: tree };
}

export function foundBound(id: string, residual?: string): Answer {
  return found(leaf(boundTo(id, residual)));
}

export function failedWith(message: string): Answer {
  return { state: "failed", error: new Error(message) };
}

/** A namer that says what it is told to say, by name; pending about all others. It knows who watches what. */
export class ScriptNamer implements Namer {
  readonly #answers = new Map<string, VarSource<Answer>>();
  readonly #watched = new Map<string, number>();
  readonly #default: Answer;
  lookups = 0;

  constructor(answers: Readonly<Record<string, Answer>> = {}, otherwise: Answer = pending) {
    this.#default = otherwise;
    for (const [name, answer] of Object.entries(answers)) this.set(name, answer);
  }

  set(name: string, answer: Answer): void {
    this.#source(name).set(answer);
  }

  get watched(): string[] {
    return [...this.#watched].flatMap(([name, count]) => (count > 0 ? [name] : [])).sort();
  }

  /** More than one observation of the same name at once. */
  get doubled(): boolean {
    return [...this.#watched.values()].some((count) => count > 1);
  }

  lookup(path: Path): Activity<NameTree<Path | Bound>> {
    this.lookups++;
    const name = path.show;
    const source = this.#source(name);
    return new Activity(
      Var.async<Answer>(pending, (update) => {
        this.#watched.set(name, (this.#watched.get(name) ?? 0) + 1);
        const subscription = source.changes.subscribe(update);
        return () => {
          this.#watched.set(name, (this.#watched.get(name) ?? 0) - 1);
          subscription.unsubscribe();
        };
      }),
    );
  }

  #source(name: string): VarSource<Answer> {
    let source = this.#answers.get(name);
    if (source === undefined) {
      source = Var.source<Answer>(this.#default);
      this.#answers.set(name, source);
    }
    return source;
  }
}
