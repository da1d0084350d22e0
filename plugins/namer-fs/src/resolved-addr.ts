import { isIP } from "node:net";
import { Var } from "@weftmesh/core";
import { type Addr, type Address, boundAddr, type HostAddresses, type HostResolver, negAddr } from "@weftmesh/naming";

/**
 * The addresses with every host name replaced by what it stands for, now and whenever that changes.
 *
 * Shape: hosts that are not resolved, or not yet, are left out while any other is there. When there is none at all:
 * pending while one is, then negative when no host exists, else failed.
 */
export function resolved(addr: Addr, resolver: HostResolver): Var<Addr> {
  if (addr.kind !== "bound") return Var.of(addr);
  const hosts = [...new Set(addr.addresses.map(({ host }) => host))].filter((host) => isIP(host) === 0);
  if (hosts.length === 0) return Var.of(addr);
  return Var.all(hosts.map((host) => resolver.resolve(host))).map((answers) =>
    combine(addr.addresses, new Map(hosts.map((host, i) => [host, answers[i] as HostAddresses]))),
  );
}

function combine(addresses: readonly Address[], answers: ReadonlyMap<string, HostAddresses>): Addr {
  const found = addresses.flatMap((each) => {
    const answer = answers.get(each.host);
    if (answer === undefined) return [each];
    return answer.kind === "found" ? answer.ips.map((host) => ({ ...each, host })) : [];
  });
  if (found.length > 0) return boundAddr(found);
  let failure: Error | undefined;
  for (const answer of answers.values()) {
    if (answer.kind === "pending") return { kind: "pending" };
    if (answer.kind === "failed") failure ??= answer.error;
  }
  return failure === undefined ? negAddr : { kind: "failed", error: failure };
}
