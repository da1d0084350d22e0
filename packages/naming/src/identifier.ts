import { type Ctx, type Param, param } from "@weftmesh/core";
import type { Dtab } from "./dtab.ts";
import { Path } from "./path.ts";

/** The logical name of a request, and the delegations that are its own. */
export type Identification =
  | { readonly kind: "identified"; readonly dst: Path; readonly dtab: Dtab }
  | { readonly kind: "unidentified"; readonly reason: string };

/** Names the service that a request is for: nearly always at once. A throw or a rejection ends the search. */
export interface Identifier<in Req> {
  identify(req: Req, ctx: Ctx): Identification | Promise<Identification>;
}

/** What a router's identifiers put before every name (`dstPrefix`). */
export const DstPrefixParam: Param<Path> = param<Path>("dstPrefix", Path.of("svc"), (path) => path.show);
