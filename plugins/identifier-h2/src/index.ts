export { headerPathIdentifier } from "./header-path.ts";
export { headerTokenIdentifier } from "./header-token.ts";
