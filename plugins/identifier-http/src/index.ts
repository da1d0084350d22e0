export { headerIdentifier } from "./header.ts";
export { headerTokenIdentifier } from "./header-token.ts";
export { methodAndHostIdentifier } from "./method-and-host.ts";
export { pathIdentifier } from "./path.ts";
export { staticIdentifier } from "./static.ts";
