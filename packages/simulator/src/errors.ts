import { WeftError } from "@weftmesh/core";

/** A scenario cannot be run as it is written. */
export class ScenarioError extends WeftError {
  constructor(message: string) {
    super("WEFT_SCENARIO", message);
  }
}

/** No connection could be made, so nothing was sent. */
export class SimulatedConnectError extends WeftError {
  readonly host: string;
  readonly port: number;

  constructor(code: "WEFT_CONNECT_REFUSED" | "WEFT_CONNECT_TIMEOUT", what: string, host: string, port: number) {
    super(code, `${host}:${port} ${what}`, { flags: ["retryable"] });
    this.host = host;
    this.port = port;
  }
}

/** The connection ended under a call: whether the request took effect is not known. */
export class SimulatedConnectionLostError extends WeftError {
  constructor(peer: string) {
    super("WEFT_CONNECTION_LOST", `${peer} reset the connection`);
  }
}
