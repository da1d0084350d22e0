import type { LinkerConfig } from "@weftmesh/config";

/** What an operator should know before strangers do: settings that are Linkerd's defaults and trust whoever connects. */
export function exposureWarnings(config: LinkerConfig): readonly string[] {
  const warnings: string[] = [];
  for (const router of config.routers) {
    for (const server of router.config.servers) {
      if (server.clearContext || isLoopback(server.ip)) continue;
      warnings.push(
        `router ${router.label} on ${server.ip}:${server.port} believes the l5d-dtab, l5d-ctx-* and l5d-sample headers of every client; set clearContext: true if clients are not trusted`,
      );
    }
  }
  if (!isLoopback(config.admin.ip)) {
    warnings.push(`the admin server on ${config.admin.ip}:${config.admin.port} is open to other machines`);
  }
  return warnings;
}

function isLoopback(ip: string): boolean {
  return ip.startsWith("127.") || ip === "::1";
}
