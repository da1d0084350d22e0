import { type Addr, showAddress } from "@weftmesh/naming";
import { type MetricsTree, metricsJson } from "@weftmesh/telemetry";
import { type AdminEndpoint, json, jsonType } from "./endpoint.ts";
import { redact } from "./redact.ts";

export function metricsEndpoint(tree: MetricsTree): AdminEndpoint {
  return {
    path: "/admin/metrics.json",
    handle: ({ query }) => ({ ...metricsJson(tree, query), contentType: jsonType }),
  };
}

/** The config that is in force, without its secrets. */
export function configEndpoint(config: () => unknown): AdminEndpoint {
  return { path: "/config.json", handle: () => json(redact(config())) };
}

/** What the profiles of the config set, and what the config itself says of the same keys. */
export function profilesEndpoint(profiles: () => unknown): AdminEndpoint {
  return { path: "/profiles.json", handle: () => json(redact(profiles())) };
}

/** The stacks as they were built. */
export function stacksEndpoint(stacks: () => unknown): AdminEndpoint {
  return { path: "/admin/stacks.json", handle: () => json(stacks()) };
}

/** Every name that a namer could answer, sorted and once each. */
export function boundNamesEndpoint(boundNames: () => Promise<readonly string[]>): AdminEndpoint {
  return {
    path: "/bound-names.json",
    handle: async () => json([...new Set(await boundNames())].sort()),
  };
}

type Clients = Iterable<readonly [name: string, addr: Addr]>;

/** What each client knows of its addresses, by the client's name. */
export function clientStateEndpoint(clients: () => Clients | Promise<Clients>): AdminEndpoint {
  return {
    path: "/client_state.json",
    handle: async () =>
      json(Object.fromEntries(Array.from(await clients(), ([name, addr]) => [name, clientState(addr)]))),
  };
}

interface ClientState {
  readonly state: string;
  readonly addresses: readonly string[];
}

function clientState(addr: Addr): ClientState {
  switch (addr.kind) {
    case "bound":
      return { state: "bound", addresses: addr.addresses.map(showAddress) };
    case "failed":
      return { state: `Failed: ${addr.error.message}`, addresses: [] };
    case "neg":
      return { state: "Neg", addresses: [] };
    case "pending":
      return { state: "Pending", addresses: [] };
  }
}
