import { Var } from "@weftmesh/core";
import {
  type Addr,
  type Address,
  address,
  boundAddr,
  type HostAddresses,
  type HostResolver,
  negAddr,
  pendingAddr,
  protocolHint,
  readIp,
} from "@weftmesh/naming";
import type { StaticEndpoint } from "./endpoint.ts";

/** The addresses of some endpoints; host names among them are resolved while somebody observes. */
export function addrOf(endpoints: readonly StaticEndpoint[], resolver: HostResolver): Var<Addr> {
  const hosts = endpoints.map((each): Var<HostAddresses> => {
    const ip = readIp(each.host);
    return ip === undefined ? resolver.resolve(each.host) : Var.of<HostAddresses>({ kind: "found", ips: [ip] });
  });
  const fixed = endpoints.every((each) => readIp(each.host) !== undefined);
  const joined = Var.all(hosts).map((states) => join(endpoints, states));
  return fixed ? Var.of(joined.sample()) : joined;
}

/** Whoever is known already counts; only when nobody is does it matter why. */
function join(endpoints: readonly StaticEndpoint[], states: readonly HostAddresses[]): Addr {
  const known: Address[] = [];
  for (const [i, { port, weight, protocolHint: hint }] of endpoints.entries()) {
    const state = states[i];
    const metadata = hint === undefined ? undefined : { [protocolHint]: hint };
    if (state?.kind === "found") known.push(...state.ips.map((ip) => address(ip, port, weight, metadata)));
  }
  if (known.length > 0 || endpoints.length === 0) return boundAddr(known);
  if (states.some((each) => each.kind === "pending")) return pendingAddr;
  const failure = states.find((each) => each.kind === "failed");
  return failure === undefined ? negAddr : { kind: "failed", error: failure.error };
}
