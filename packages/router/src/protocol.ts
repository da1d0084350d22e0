import type { BindingSnapshot } from "@weftmesh/binding";
import type { PluginSource } from "@weftmesh/config";
import type { Params } from "@weftmesh/core";
import type { SocketAddress } from "@weftmesh/http";
import type { Identification, Interpreter, Path } from "@weftmesh/naming";
import type { Logger } from "@weftmesh/telemetry";
import type { StackName, StackRow, StackSet } from "./stack-set.ts";

/** What a protocol is given to make a router of its config. */
export interface RouterRuntime {
  readonly label: string;
  /** Clock, randomness, stats of the process, and whatever a custom build adds. */
  readonly params: Params;
  readonly interpreter: Interpreter;
  readonly plugins: PluginSource;
  readonly logger: Logger;
  /** The protocol's own stacks with the edits of the build and of the config. Errors: `WEFT_STACK_ROLE`, `WEFT_STACK_PARAM`. */
  edit(stacks: StackSet): StackSet;
}

/** A listener of a router that is up. */
export interface RunningServer {
  readonly address: SocketAddress;
  /** Refuses new connections, lets answers under way finish, and cuts what is left after the grace. */
  close(graceMs: number): Promise<void>;
}

/** The head of a request that goes nowhere. */
export interface RequestToIdentify {
  readonly version: "1.0" | "1.1";
  readonly method: string;
  readonly target: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
}

/** A router that was built and may be started. */
export interface Router {
  readonly label: string;
  readonly protocol: string;
  /** What was built, for people and for `/admin/stacks.json`. */
  readonly stacks: Readonly<Record<StackName, readonly StackRow[]>>;
  /** Where each listener will be. */
  readonly servers: readonly SocketAddress[];
  readonly dstPrefix: Path;
  /** Binds what ports are not bound yet, and takes no connections. Errors: as `listen`. */
  reserve?(): Promise<void>;
  /** Binds the ports, all of them or none, and takes their connections. Errors: `WEFT_LISTEN`, naming the router, the address and the cause. */
  listen(): Promise<readonly RunningServer[]>;
  /** What names, trees and clients it holds now. */
  snapshot(): BindingSnapshot;
  /** Names a request without sending it anywhere, for `httpIdentifierPort`. A rejection says why it cannot. */
  identify?(request: RequestToIdentify): Promise<Identification>;
  /** Stops listening, then closes the clients. A second call may shorten the grace of the first. */
  close(graceMs: number): Promise<void>;
}

/** A protocol with its config. */
export interface Protocol {
  newRouter(runtime: RouterRuntime): Router;
}

declare module "@weftmesh/config" {
  interface PluginTypes {
    protocol: Protocol;
  }
}
