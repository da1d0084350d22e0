import type { Namer } from "../namer.ts";
import { Path } from "../path.ts";
import { hostText } from "./http-names.ts";
import { rewriting } from "./rewriting.ts";

/** What stands before `.domain` in a host, whose port does not count. */
function subdomain(domain: string | undefined, host: string | undefined): string | undefined {
  if (domain === undefined || host === undefined || !hostText.test(domain) || !hostText.test(host)) return undefined;
  const colon = host.indexOf(":");
  const name = colon > 0 ? host.slice(0, colon) : host;
  return name.endsWith(`.${domain}`) && name.length > domain.length + 1 ? name.slice(0, -domain.length - 1) : undefined;
}

/** `/<domain>/<host>/…` to `/<sub>/…`. */
export const subdomainOf: Namer = rewriting((path) => {
  const [domain, host] = path.elems;
  const sub = subdomain(domain, host);
  return sub === undefined ? undefined : Path.of(sub).concat(path.drop(2));
});

/** `/<domain>/<pfx>/<host>/…` to `/<pfx>/<sub>/…`. */
export const subdomainOfPfx: Namer = rewriting((path) => {
  const [domain, prefix, host] = path.elems;
  const sub = subdomain(domain, host);
  return sub === undefined ? undefined : Path.of(prefix as string, sub).concat(path.drop(3));
});

/** The labels from the last to the first; a dot at the end does not count, an empty label is none. */
function reversed(host: string | undefined): Path | undefined {
  if (host === undefined || !hostText.test(host)) return undefined;
  const labels = host.replace(/\.$/, "").split(".").reverse();
  return labels.includes("") ? undefined : Path.from(labels);
}

/** `/<a.b.c>/…` to `/c/b/a/…`. */
export const domainToPath: Namer = rewriting((path) => reversed(path.elems[0])?.concat(path.drop(1)));

/** `/<pfx>/<a.b.c>/…` to `/<pfx>/c/b/a/…`. */
export const domainToPathPfx: Namer = rewriting((path) => {
  const domain = reversed(path.elems[1]);
  return domain && path.take(1).concat(domain).concat(path.drop(2));
});
