import { type CtxKey, ctxKey } from "@weftmesh/core";

interface GeneratedCookie {
  readonly name: string;
  readonly value: string;
}

/** The cookie that this call's client is about to get. */
export const GeneratedCookieKey: CtxKey<GeneratedCookie | undefined> = ctxKey<GeneratedCookie | undefined>(
  "generatedCookie",
  undefined,
);
