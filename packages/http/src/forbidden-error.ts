import { WeftError } from "@weftmesh/core";

/** A request authorizer refused a request: the client is answered with 403 and this message. */
export class ForbiddenError extends WeftError {
  constructor(message: string) {
    super("WEFT_FORBIDDEN", message, { flags: ["nonRetryable", "rejected", "ignorable"] });
  }
}
