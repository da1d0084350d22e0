import { WeftError } from "@weftmesh/core";

/** Two handlers want the same path of the admin server. */
export class AdminPathError extends WeftError {
  constructor(path: string) {
    super("WEFT_ADMIN_PATH", `the admin server has a handler for ${path} already`);
  }
}

/** The admin server cannot have its address. */
export class AdminListenError extends WeftError {
  constructor(address: string, cause: Error) {
    super("WEFT_ADMIN_LISTEN", `admin cannot listen on ${address}: ${cause.message}`, { cause });
  }
}
