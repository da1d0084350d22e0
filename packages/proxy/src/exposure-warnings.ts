import type { LinkerConfig, RouterConfig, ServerConfig } from "@weftmesh/config";
import { isLoopbackIp } from "@weftmesh/naming";

/** What an operator should know before strangers do: settings that are Linkerd's defaults and trust whoever connects. */
export function exposureWarnings(config: LinkerConfig): readonly string[] {
  const warnings: string[] = [];
  for (const { label, config: router } of config.routers) {
    for (const server of router.servers) {
      if (!isLoopbackIp(server.ip)) warnings.push(...ofServer(label, router, server));
    }
  }
  return [...warnings, ...ofAdmin(config)];
}

function ofServer(label: string, router: RouterConfig, server: ServerConfig): readonly string[] {
  const where = `router ${label} on ${shown(server.ip, server.port)}`;
  const warnings: string[] = [];
  if (!server.clearContext) {
    warnings.push(
      `${where} believes the l5d-dtab, l5d-ctx-* and l5d-sample headers of every client; set clearContext: true if clients are not trusted`,
    );
    if (router.allowInetFromOverride) {
      warnings.push(
        `${where} lets every client have its requests sent to any address that this host can reach, by l5d-dtab; set allowInetFromOverride: false`,
      );
    }
  }
  if (router.profile === "edge" && server.profile === "default") {
    warnings.push(`${where} is left out of the profile edge of its router; it has none of the limits of that`);
  }
  return warnings;
}

function ofAdmin({ admin }: LinkerConfig): readonly string[] {
  if (isLoopbackIp(admin.ip)) return [];
  const warnings = [`the admin server on ${shown(admin.ip, admin.port)} is open to other machines`];
  if (admin.security.controlEnabled) {
    warnings.push("whoever reaches the admin server can end this process; set admin.security.controlEnabled: false");
  }
  if (admin.security.allowedHosts.length === 0) {
    warnings.push(
      "a web page that somebody looks at can read the admin server under a name of its own; set admin.security.allowedHosts to the names it is asked by",
    );
  }
  if (admin.httpIdentifierPort !== undefined) {
    warnings.push(`the identifier server on ${shown(admin.ip, admin.httpIdentifierPort)} is open to other machines`);
  }
  return warnings;
}

function shown(ip: string, port: number): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}
