import { decimal, fallsBackTo, integer } from "@weftmesh/config";
import type { EndpointOptions } from "@weftmesh/transport-http2";
import type * as z from "zod";

/** How one side of a connection lets the other send: the keys that servers and clients have alike. */
export interface EndpointSettings {
  readonly initialStreamWindowBytes: number;
  readonly connectionWindowBytes: number;
  readonly headerTableBytes: number;
  readonly maxFrameBytes: number;
  readonly maxHeaderListBytes: number;
  readonly windowUpdateRatio: number;
}

type Schemas = { readonly [K in keyof EndpointSettings]-?: z.ZodType<EndpointSettings[K]> };

const maxWindow = 2_147_483_647;
const bytes = (min: number, max: number, example: number): z.ZodType<number> =>
  integer(min, max, `bytes: an integer from ${min} to ${max}`, example);

function schemas(): Schemas {
  return {
    initialStreamWindowBytes: bytes(1, maxWindow, 65_535),
    connectionWindowBytes: bytes(65_535, maxWindow, 1_048_576),
    headerTableBytes: bytes(0, 1_048_576, 4096),
    maxFrameBytes: bytes(16_384, 16_777_215, 16_384),
    maxHeaderListBytes: bytes(1, maxWindow, 65_536),
    windowUpdateRatio: decimal(0, 1, "a number between 0 and 1, and neither of them", 0.99).refine(
      (ratio) => ratio > 0 && ratio < 1,
      { message: "windowUpdateRatio must be above 0 and below 1" },
    ) as unknown as z.ZodType<number>,
  };
}

const said: Readonly<Record<keyof EndpointSettings, string>> = {
  initialStreamWindowBytes: "Bytes that the other side may send on a stream before we have taken them",
  connectionWindowBytes: "Bytes that it may send on all streams of a connection together (not in Linkerd)",
  headerTableBytes: "Bytes of the table by which headers that come here are compressed",
  maxFrameBytes: "Bytes of a frame that comes here at most",
  maxHeaderListBytes: "Bytes of a header list that comes here at most: names, values and 32 for each header",
  windowUpdateRatio: "A window is opened again once this share of it is left",
};
/** Those of `defaultEndpointOptions`; said here so that a config can be read without the transport. */
const defaults: EndpointSettings = {
  initialStreamWindowBytes: 65_535,
  connectionWindowBytes: 1_048_576,
  headerTableBytes: 4_096,
  maxFrameBytes: 16_384,
  maxHeaderListBytes: 65_536,
  windowUpdateRatio: 0.99,
};
const keys = Object.keys(said) as (keyof EndpointSettings)[];

/** The keys of a server, each with its default. */
export function serverEndpointKeys(): Schemas {
  const all = schemas() as Record<string, z.ZodType<number>>;
  const entries = keys.map((key) => [key, (all[key] as z.ZodType<number>).default(defaults[key]).describe(said[key])]);
  return Object.fromEntries(entries) as Schemas;
}

/** The keys of a client, which have no defaults: entries are merged first. */
export function clientEndpointKeys(): {
  readonly [K in keyof EndpointSettings]-?: z.ZodType<EndpointSettings[K] | undefined>;
} {
  const all = schemas() as Record<string, z.ZodType<number>>;
  const entries = keys.map((key) => [
    key,
    fallsBackTo(all[key] as z.ZodType<number>, defaults[key]).describe(said[key]),
  ]);
  return Object.fromEntries(entries) as Schemas;
}

/** Those keys of a config that it has. */
export function endpointSettingsOf(
  config: { readonly [K in keyof EndpointSettings]?: number | undefined },
): Partial<EndpointOptions> {
  const given = keys.flatMap((key) => (config[key] === undefined ? [] : [[key, config[key]]]));
  return Object.fromEntries(given) as Partial<EndpointOptions>;
}
