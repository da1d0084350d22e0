import type { Ctx } from "@weftmesh/core";
import { type Bound, type Dtab, showAddress } from "@weftmesh/naming";
import { BoundKey, DstKey, LocalDtabKey } from "./call-context.ts";

/** What an error tells of the endpoint that it concerns. */
export interface EndpointError extends Error {
  readonly host: string;
  readonly port: number;
  /** What was wrong, where it is not only that nobody was there. */
  readonly reason?: string;
}

function dtabLines(dtab: Dtab | undefined): string {
  if (dtab === undefined || dtab.isEmpty) return "";
  return dtab.entries.map((_, i) => `  ${dtab.showEntry(i)}\n`).join("");
}

/** Says for which name there was nobody, and by which rules that was found. */
export function noRouteMessage(ctx: Ctx, baseDtab: Dtab): string {
  const name = ctx.get(DstKey)?.path.show ?? "unknown";
  const override = dtabLines(ctx.get(DstKey)?.local ?? ctx.get(LocalDtabKey));
  return (
    `Unable to route request!\n\nservice name: ${name}\ndtab:\n\n` +
    `base dtab:\n${dtabLines(baseDtab)}\noverride dtab:\n${override}\n`
  );
}

/** Says which endpoint could not be reached, and who its peers are. */
export function noConnectionMessage(ctx: Ctx, error: EndpointError): string {
  const selected = error.host.includes(":") ? `[${error.host}]:${error.port}` : `${error.host}:${error.port}`;
  const bound = ctx.get(BoundKey);
  const reason = error.reason === undefined ? "" : ` No TLS: ${error.reason}.`;
  const lines = [`Unable to establish connection to ${selected}.${reason}`, ""];
  lines.push(`service name: ${ctx.get(DstKey)?.path.show ?? "unknown"}`);
  if (bound !== undefined) {
    lines.push(`client name: ${bound.id.show}`, `addresses: [${addressesOf(bound)}]`);
  }
  lines.push(`selected address: ${selected}`);
  return lines.join("\n");
}

/** Enough to see who is there; a set of thousands would only fill the response. */
const maxShown = 100;

function addressesOf(bound: Bound): string {
  const addr = bound.addr.sample();
  if (addr.kind !== "bound") return "";
  const shown = addr.addresses.slice(0, maxShown).map(showAddress);
  if (addr.addresses.length > maxShown) shown.push(`and ${addr.addresses.length - maxShown} more`);
  return shown.join(", ");
}
