import { type Ctx, hasFlag, isWeftError } from "@weftmesh/core";
import type { Dtab } from "@weftmesh/naming";
import { type EndpointError, noConnectionMessage, noRouteMessage } from "./failure-message.ts";

/** What a failure is to whoever answers for it. */
export type FailureKind =
  /** No identifier has a name for the request. */
  | "unidentified"
  /** The request is wrong in another way that is the client's. */
  | "badRequest"
  | "noRoute"
  | "noConnection"
  | "tooLong"
  | "forbidden"
  | "rateLimited"
  | "timeout"
  /** Refused before any work was done, because of load. */
  | "refused"
  /** Whatever else went wrong. */
  | "broken";

export interface FailureReport {
  readonly kind: FailureKind;
  readonly message: string;
}

const badRequest = new Set(["WEFT_DTAB_HEADER", "WEFT_NAME_SYNTAX", "WEFT_CALL_DEPTH", "WEFT_OVERRIDE_REFUSED"]);
const noRoute = new Set(["WEFT_NO_BINDING", "WEFT_NO_ENDPOINTS"]);

/** Says of each failure what it is, in the words of a Linkerd 1 router, and tells the log of those that nobody expects. */
export function newFailureReporter(
  baseDtab: Dtab,
  log: (message: string) => void,
): (error: Error, ctx: Ctx) => FailureReport {
  return (error, ctx) => {
    const code = isWeftError(error) ? error.code : undefined;
    const { message } = error;
    if (code !== undefined) {
      if (code === "WEFT_UNIDENTIFIED" || badRequest.has(code)) {
        // An identifier that broke is a fault of ours, whatever the client is told.
        if (error.cause !== undefined && !isWeftError(error.cause)) log(`identification failed: ${message}`);
        return { kind: code === "WEFT_UNIDENTIFIED" ? "unidentified" : "badRequest", message };
      }
      if (noRoute.has(code)) return { kind: "noRoute", message: noRouteMessage(ctx, baseDtab) };
      if (code.startsWith("WEFT_CONNECT_")) {
        return { kind: "noConnection", message: noConnectionMessage(ctx, error as EndpointError) };
      }
      if (code === "WEFT_REQUEST_TOO_LONG") return { kind: "tooLong", message };
      if (code === "WEFT_FORBIDDEN") return { kind: "forbidden", message };
      if (code === "WEFT_RATE_LIMITED") return { kind: "rateLimited", message };
      if (hasFlag(error, "deadlineExceeded")) return { kind: "timeout", message };
      if (hasFlag(error, "rejected")) return { kind: "refused", message };
    }
    log(`service failure: ${code ?? error.name}: ${message}`);
    // Linkerd shows why a name could not be bound as whoever binds it says it.
    const shown = code === "WEFT_BINDING_FAILED" && error.cause instanceof Error ? error.cause : error;
    return { kind: "broken", message: shown.message === "" ? shown.name : shown.message };
  };
}
