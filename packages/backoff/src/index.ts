export type { Backoff } from "./backoff.ts";
