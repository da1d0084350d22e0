import type { ForwardedLabelerConfig } from "@weftmesh/config";
import { type Ctx, type Module, nextInt, type Param, param, type Rng, RngParam, type Role, role } from "@weftmesh/core";
import {
  type Connection,
  ConnectionKey,
  type HttpRequest,
  headerField,
  Names,
  type SocketAddress,
} from "@weftmesh/http";
import { RouterLabelParam } from "./call-context.ts";
import { type HttpFilter, type HttpService, httpFilterModule } from "./http-service.ts";

export const ForwardedRole: Role = role("forwarded");

/** How one end of a connection is named in `Forwarded` (RFC 7239 section 6). */
export type ForwardedLabeler = ForwardedLabelerConfig;

export interface ForwardedLabels {
  readonly by: ForwardedLabeler;
  readonly for: ForwardedLabeler;
}

/** Undefined leaves the module out. */
export const ForwardedParam: Param<ForwardedLabels | undefined> = param<ForwardedLabels | undefined>(
  "addForwardedHeader",
  undefined,
);

type Label = (connection: Connection | undefined, address: SocketAddress | undefined) => string;

const alphanumerics = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** An obfuscated identifier: an underscore, so that nobody takes it for a host, and six characters. */
function randomLabel(rng: Rng): string {
  let label = "_";
  for (let i = 0; i < 6; i++) label += alphanumerics[nextInt(rng, alphanumerics.length)];
  return label;
}

function ipOf(address: SocketAddress): string {
  return address.host.includes(":") ? `"[${address.host}]"` : address.host;
}

function ipPortOf(address: SocketAddress): string {
  return address.host.includes(":") ? `"[${address.host}]:${address.port}"` : `"${address.host}:${address.port}"`;
}

/** A label of the config may hold anything; a header may not. */
function asLabel(text: string): string {
  return quoted(text.replace(/[^\x20-\x7e]/g, "?"));
}

function quoted(text: string): string {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}

function labeler(config: ForwardedLabeler, rng: Rng, routerLabel: string): Label {
  switch (config.kind) {
    case "ip":
      return (_, address) => (address === undefined ? "unknown" : ipOf(address));
    case "ip:port":
      return (_, address) => (address === undefined ? "unknown" : ipPortOf(address));
    case "requestRandom":
      return () => randomLabel(rng);
    case "connectionRandom": {
      const labels = new WeakMap<Connection, string>();
      return (connection) => {
        if (connection === undefined) return randomLabel(rng);
        const label = labels.get(connection) ?? randomLabel(rng);
        labels.set(connection, label);
        return label;
      };
    }
    case "router": {
      const label = asLabel(routerLabel);
      return () => label;
    }
    case "static": {
      const label = asLabel(config.label);
      return () => label;
    }
  }
}

function addForwarded(labels: ForwardedLabels, rng: Rng, routerLabel: string): HttpFilter {
  const by = labeler(labels.by, rng, routerLabel);
  const from = labeler(labels.for, rng, routerLabel);
  function valueFor(req: HttpRequest, ctx: Ctx): string {
    const connection = ctx.get(ConnectionKey);
    // Linkerd's word for it in HTTP/2.
    const key = req.version === "2" ? "authority" : "host";
    const host = req.authority === "" ? "" : `;${key}=${quoted(req.authority)}`;
    return `by=${by(connection, connection?.local)};for=${from(connection, connection?.remote)}${host};proto=${req.scheme}`;
  }
  return (req, ctx, next) => {
    const { headers } = req;
    const added = valueFor(req, ctx);
    const before = headers.getAll(Names.forwarded);
    headers.setField(headerField(Names.forwarded, before.length === 0 ? added : `${before.join(", ")}, ${added}`));
    return next.call(req, ctx);
  };
}

export const forwardedHeader: Module<HttpService> = httpFilterModule({
  role: ForwardedRole,
  description: "Appends to Forwarded who asked and through whom",
  params: { labels: ForwardedParam, rng: RngParam, routerLabel: RouterLabelParam },
  filter: ({ labels, rng, routerLabel }) => (labels === undefined ? undefined : addForwarded(labels, rng, routerLabel)),
});
