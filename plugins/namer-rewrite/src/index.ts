export { type RewriteNamerConfig, rewriteNamer } from "./rewrite.ts";
