import type { Rng, Status } from "@weftmesh/core";
import { type Address, address } from "@weftmesh/naming";
import type { CallListener } from "../src/call-listener.ts";

/** A node whose calls a test begins and ends by hand. */
export class FakeNode {
  status: Status = "open";
  sinceMs = 0;
  pending = 0;
  listener: CallListener | undefined = undefined;
  slot = -1;
  readonly id: number;
  readonly address: Address;
  /** Whether it has connections: from its first call until it rests. */
  connected = false;
  rests = 0;

  constructor(id: number) {
    this.id = id;
    this.address = address(`10.1.${id >> 8}.${id & 255}`, 80);
  }

  load(): number {
    return this.pending;
  }

  get idle(): boolean {
    return !this.connected;
  }

  begin(): this {
    this.connected = true;
    this.pending++;
    this.listener?.began(this.slot);
    return this;
  }

  end(): void {
    this.pending--;
    this.listener?.ended(this.slot);
  }

  rest(): boolean {
    if (this.pending > 0 || this.status !== "open" || !this.connected) return false;
    this.connected = false;
    this.rests++;
    return true;
  }
}

export function fakeNodes(count: number): FakeNode[] {
  return Array.from({ length: count }, (_, id) => new FakeNode(id));
}

/** Five standard deviations of a share of `calls`, each of which comes to it with chance `p`. */
export function fiveSigma(p: number, calls: number): number {
  return 5 * Math.sqrt((p * (1 - p)) / calls);
}

/** How often each of n comes up in `calls`, as a share. */
export function shares(n: number, calls: number, next: (i: number) => number): number[] {
  const counts = new Array<number>(n).fill(0);
  for (let i = 0; i < calls; i++) counts[next(i)]!++;
  return counts.map((count) => count / calls);
}

/** What a test may say that chance gives, in turn; the last for ever. */
export function fixedRng(...points: readonly number[]): Rng {
  let at = 0;
  return { next: () => points[Math.min(at++, points.length - 1)] as number };
}
