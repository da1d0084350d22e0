import type { HostResolver } from "../host-resolver.ts";
import type { Namer } from "../namer.ts";
import { fail, nil } from "./constant.ts";
import { domainToPath, domainToPathPfx, subdomainOf, subdomainOfPfx } from "./domains.ts";
import { hostportPfx, porthostPfx } from "./host-port.ts";
import { anyHost, anyHostPfx, anyMethod, anyMethodPfx } from "./http-names.ts";
import { httpStatus } from "./http-status.ts";
import { inet, rinet } from "./inet.ts";

/** Namers by the element after `/$`. Each is asked for what follows it. */
export type UtilityNamers = ReadonlyMap<string, Namer>;

/** Those that come with every build; to extend them, make a map of these and more. */
export function utilityNamers(resolver: HostResolver): UtilityNamers {
  return new Map<string, Namer>([
    ["inet", inet(resolver)],
    ["nil", nil],
    ["fail", fail],
    ["io.buoyant.rinet", rinet(resolver)],
    ["io.buoyant.hostportPfx", hostportPfx],
    ["io.buoyant.porthostPfx", porthostPfx],
    ["io.buoyant.http.anyMethod", anyMethod],
    ["io.buoyant.http.anyMethodPfx", anyMethodPfx],
    ["io.buoyant.http.anyHost", anyHost],
    ["io.buoyant.http.anyHostPfx", anyHostPfx],
    ["io.buoyant.http.subdomainOf", subdomainOf],
    ["io.buoyant.http.subdomainOfPfx", subdomainOfPfx],
    ["io.buoyant.http.domainToPath", domainToPath],
    ["io.buoyant.http.domainToPathPfx", domainToPathPfx],
    ["io.buoyant.http.status", httpStatus],
  ]);
}
