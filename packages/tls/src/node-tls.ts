type NodeTls = typeof import("node:tls");
type NodeCrypto = typeof import("node:crypto");

/**
 * Node's TLS, loaded when it is first asked for: a proxy that talks plain TCP alone does not pay for it.
 */
export function nodeTls(): NodeTls {
  return process.getBuiltinModule("node:tls");
}

export function nodeCrypto(): NodeCrypto {
  return process.getBuiltinModule("node:crypto");
}
