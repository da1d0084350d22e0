import { WeftError } from "@weftmesh/core";

/** A key of a router that shows to be wrong only when the router is built, for whoever knows the lines. */
export class RouterConfigError extends WeftError {
  readonly routerLabel: string;
  /** Below the router: `["servers", 0, "tls", "certPath"]`. */
  readonly path: readonly (string | number)[];

  constructor(routerLabel: string, path: readonly (string | number)[], cause: WeftError) {
    super(cause.code, `router ${routerLabel}, ${cause.message}`, { cause });
    this.routerLabel = routerLabel;
    this.path = path;
  }
}
