import { type Param, param, Var } from "@weftmesh/core";

/** What a host name stands for now. */
export type HostAddresses =
  | { readonly kind: "pending" }
  /** At least one literal address, in a fixed order. */
  | { readonly kind: "found"; readonly ips: readonly string[] }
  /** There is no such host. */
  | { readonly kind: "neg" }
  | { readonly kind: "failed"; readonly error: Error };

/** Finds the addresses of hosts. The work begins when the var is observed and ends with its last observer. */
export interface HostResolver {
  resolve(host: string): Var<HostAddresses>;
}

const refusing: HostResolver = {
  resolve: () =>
    Var.of<HostAddresses>({
      kind: "failed",
      error: new TypeError("no host resolver was given: set HostResolverParam where the stack is built"),
    }),
};

export const HostResolverParam: Param<HostResolver> = param<HostResolver>(
  "hostResolver",
  refusing,
  () => "hostResolver",
);

/** Whether a text could be the name of a host; nothing else may reach a resolver. */
export function isHostName(text: string): boolean {
  return text.length <= 253 && /^(?!\.)(?:[A-Za-z0-9_-]{1,63}(?:\.|$))+$/.test(text);
}
