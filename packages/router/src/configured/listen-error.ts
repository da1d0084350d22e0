import { WeftError } from "@weftmesh/core";

/** A router cannot have one of its ports. */
export class ListenError extends WeftError {
  readonly label: string;
  readonly address: string;

  constructor(label: string, address: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super("WEFT_LISTEN", `router ${label} cannot listen on ${address}: ${why}`, { cause });
    this.label = label;
    this.address = address;
  }
}
