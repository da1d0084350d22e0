import type { Namer } from "../namer.ts";
import type { Path } from "../path.ts";
import { rewriting } from "./rewriting.ts";

const methodText = /^[A-Z]+$/;
/** Coarse on purpose: names, IPv4 and IPv6, with a port or without. */
export const hostText: RegExp = /^[A-Za-z0-9.:_-]+$/;

/** Leaves out the element at `at` when it looks right; other names are not for it. */
function dropping(at: number, text: RegExp): Namer {
  return rewriting((path): Path | undefined => {
    const elem = path.elems[at];
    return elem !== undefined && text.test(elem) ? path.take(at).concat(path.drop(at + 1)) : undefined;
  });
}

/** `/<METHOD>/…` to `/…`. */
export const anyMethod: Namer = dropping(0, methodText);
/** `/<pfx>/<METHOD>/…` to `/<pfx>/…`. */
export const anyMethodPfx: Namer = dropping(1, methodText);
/** `/<host>/…` to `/…`. */
export const anyHost: Namer = dropping(0, hostText);
/** `/<pfx>/<host>/…` to `/<pfx>/…`. */
export const anyHostPfx: Namer = dropping(1, hostText);
