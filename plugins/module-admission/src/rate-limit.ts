import {
  byClientAddress,
  byHeader,
  type RateLimitKey,
  RateLimitKeyParam,
  type RateLimitOptions,
  RateLimitParam,
  RateLimitRole,
  rateLimit,
} from "@weftmesh/admission";
import { definePlugin, type Plugin, PositiveCount, TextType, textOf } from "@weftmesh/config";
import { Params, withParams } from "@weftmesh/core";
import { headerName } from "@weftmesh/http";
import * as z from "zod";
import { withoutUndefined } from "./without-undefined.ts";

const HeaderName = () =>
  textOf(
    (text) => {
      headerName(text);
      return text;
    },
    "the name of a header",
    "x-user",
  );

/** How many requests may come. */
export interface RateConfig {
  readonly requestsPerSecond: number;
  readonly burst?: number | undefined;
}

/** What a config may say of it. */
export interface RateLimitConfig {
  readonly total?: RateConfig | undefined;
  readonly identity?: RateConfig | undefined;
  readonly overrides?: readonly (RateConfig & { readonly keys: readonly string[] })[] | undefined;
  readonly maxKeys: number;
  readonly header?: string | undefined;
}

const rateKeys = () => ({
  requestsPerSecond: PositiveCount.describe("Requests a second"),
  burst: PositiveCount.optional().describe(
    "Requests that may come at once after a pause; a second's worth when absent",
  ),
});

const schema = (): z.ZodType<RateLimitConfig> =>
  z
    .strictObject({
      total: z.strictObject(rateKeys()).optional().describe("What all requests together may be"),
      identity: z.strictObject(rateKeys()).optional().describe("What each sender may send"),
      overrides: z
        .array(z.strictObject({ keys: z.array(TextType).describe("Senders that share this rate"), ...rateKeys() }))
        .meta({ expects: "a list of rates with keys" })
        .optional()
        .describe("What some senders may send instead"),
      maxKeys: PositiveCount.default(10_000).describe("Senders that are told apart at a time"),
      header: HeaderName().optional().describe("Header that names the sender; its address does when absent"),
    })
    .refine(({ total, identity }) => total !== undefined || identity !== undefined, {
      message: "there is neither a total nor an identity rate, so that nothing is limited",
    });

/** Refuses what comes too fast with 429: `kind: dev.weftmesh.rateLimit`. */
export const rateLimitModule: Plugin<"module", RateLimitConfig> = definePlugin({
  type: "module",
  kind: "dev.weftmesh.rateLimit",
  schema,
  make: ({ header, ...rates }) => {
    const options: RateLimitOptions = withoutUndefined({
      maxKeys: rates.maxKeys,
      total: rates.total && withoutUndefined(rates.total),
      identity: rates.identity && withoutUndefined(rates.identity),
      overrides: rates.overrides?.map(withoutUndefined),
    });
    const key: RateLimitKey = header === undefined ? byClientAddress() : byHeader(header);
    const params = Params.empty.with(RateLimitParam, options).with(RateLimitKeyParam, key);
    return { role: RateLimitRole, stackable: () => withParams(rateLimit(), params) };
  },
});
