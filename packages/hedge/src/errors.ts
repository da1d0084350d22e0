import { WeftError } from "@weftmesh/core";

/** Another attempt at the same call has answered, so nobody waits for this one: it counts for nothing. */
export class SupersededError extends WeftError {
  constructor() {
    super("WEFT_SUPERSEDED", "another attempt at the same call answered first", {
      flags: ["interrupted", "ignorable"],
    });
  }
}
