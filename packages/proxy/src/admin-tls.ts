import type { LinkerConfig } from "@weftmesh/config";
import { ClockParam, type Params } from "@weftmesh/core";
import { type LogLevels, StatsParam } from "@weftmesh/telemetry";
import { serverContext, TlsAcceptor } from "@weftmesh/tls";

/**
 * TLS of the admin server, its files read and no port bound; undefined where it is plain.
 *
 * Errors: TlsFileError, TlsSettingError.
 */
export function adminTls(config: LinkerConfig, params: Params, logs: LogLevels): TlsAcceptor | undefined {
  const { tls, ip, port } = config.admin;
  if (tls === undefined) return undefined;
  const clock = params.get(ClockParam);
  const stats = params.get(StatsParam).scope("admin", "tls");
  const context = serverContext(tls, { name: `admin ${ip}:${port}`, clock, stats, log: logs.logger("admin") });
  return new TlsAcceptor({ context, requireClientAuth: tls.requireClientAuth, alpn: ["http/1.1"], clock, stats });
}
