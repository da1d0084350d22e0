import { type Addr, showAddress } from "@weftmesh/naming";

/** What a binding holds at one moment. `calls` counts those that have not ended. */
export interface BindingSnapshot {
  readonly paths: readonly {
    readonly path: string;
    /** The request's own delegations; empty text when it has none. */
    readonly dtab: string;
    /** `undefined` until the name is bound. */
    readonly tree: string | undefined;
    /** Why it could not be bound, when that failed. */
    readonly failure: string | undefined;
    readonly calls: number;
  }[];
  readonly trees: readonly { readonly tree: string; readonly calls: number }[];
  readonly bounds: readonly { readonly id: string; readonly residual: string; readonly calls: number }[];
  readonly clients: readonly { readonly id: string; readonly addr: Addr; readonly calls: number }[];
  readonly waitingCalls: number;
}

/** One client as `/client_state.json` shows it. */
export interface ClientState {
  readonly state: string;
  readonly addresses: readonly string[];
}

/** The clients of a snapshot as Linkerd 1's `/client_state.json` shows them. */
export function clientState(snapshot: BindingSnapshot): Readonly<Record<string, ClientState>> {
  return Object.fromEntries(snapshot.clients.map(({ id, addr }) => [id, stateOf(addr)]));
}

function stateOf(addr: Addr): ClientState {
  switch (addr.kind) {
    case "bound":
      return { state: "bound", addresses: addr.addresses.map(showAddress) };
    case "pending":
      return { state: "Pending", addresses: [] };
    case "neg":
      return { state: "Neg", addresses: [] };
    case "failed":
      return { state: `Failed: ${addr.error.message}`, addresses: [] };
  }
}
