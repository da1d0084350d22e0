import { defaultFrameBytes, defaultWindowBytes, maxFrameBytes, maxWindowBytes } from "./frame-types.ts";

/**
 * How one side of a connection lets the other send. Units: bytes. The names and defaults are Linkerd's, save that no
 * header list is unlimited.
 */
export interface EndpointOptions {
  /** What each stream may send before we have taken it. */
  readonly initialStreamWindowBytes: number;
  /** What all streams of a connection may send together. */
  readonly connectionWindowBytes: number;
  /** Of the table that the peer's encoder keeps here. */
  readonly headerTableBytes: number;
  /** 16,384 to 2^24 - 1. */
  readonly maxFrameBytes: number;
  /** Names, values and 32 for each header. */
  readonly maxHeaderListBytes: number;
  /** A window is opened again once no more than this share of it is left, between 0 and 1. */
  readonly windowUpdateRatio: number;
  /** What streams whose consumers do not take it may hold together, before the whole connection is held back. */
  readonly maxHeldBytes: number;
}

export const defaultEndpointOptions: EndpointOptions = {
  initialStreamWindowBytes: defaultWindowBytes,
  connectionWindowBytes: 1_048_576,
  headerTableBytes: 4_096,
  maxFrameBytes: defaultFrameBytes,
  maxHeaderListBytes: 65_536,
  windowUpdateRatio: 0.99,
  maxHeldBytes: 8_388_608,
};

/** Fills in the defaults. Errors: RangeError for a figure that HTTP/2 has no room for. */
export function endpointOptions(given: Partial<EndpointOptions> | undefined): EndpointOptions {
  const options = { ...defaultEndpointOptions, ...given };
  within("initialStreamWindowBytes", options.initialStreamWindowBytes, 0, maxWindowBytes);
  within("connectionWindowBytes", options.connectionWindowBytes, defaultWindowBytes, maxWindowBytes);
  within("headerTableBytes", options.headerTableBytes, 0, 2 ** 32 - 1);
  within("maxFrameBytes", options.maxFrameBytes, defaultFrameBytes, maxFrameBytes);
  within("maxHeaderListBytes", options.maxHeaderListBytes, 0, Number.POSITIVE_INFINITY);
  within("maxHeldBytes", options.maxHeldBytes, 0, Number.POSITIVE_INFINITY);
  if (!(options.windowUpdateRatio > 0 && options.windowUpdateRatio < 1)) {
    throw new RangeError(`windowUpdateRatio must be between 0 and 1, and is ${options.windowUpdateRatio}`);
  }
  return options;
}

function within(name: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return;
  throw new RangeError(`${name} must be from ${least} to ${most}, and is ${value}`);
}
