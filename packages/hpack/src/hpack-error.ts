import { WeftError } from "@weftmesh/core";

/** A header block that cannot be read. The table is out of step from then on: the connection ends. */
export class HpackError extends WeftError {
  constructor(message: string) {
    super("WEFT_PROTOCOL_HPACK", message, { flags: ["nonRetryable"] });
  }
}
