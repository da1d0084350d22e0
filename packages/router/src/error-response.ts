import { HttpResponse } from "@weftmesh/http";

/**
 * An answer of our own to a call that failed. Nobody downstream said it, so it is neither classified nor passed on: it
 * bears no `l5d-success-class` and no `Via`, as with Linkerd, whose error responder stands above both.
 */
export class ErrorResponse extends HttpResponse {}
