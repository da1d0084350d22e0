import * as z from "zod";
import type { PluginSource } from "../plugin.ts";
import { type Chosen, pluginPosition } from "../plugin-position.ts";
import { Count, DurationMs, Flag, fallsBackTo } from "../types.ts";
import { type FailureAccrual, failureAccrualSchema } from "./failure-accrual.ts";
import { type LoadBalancer, loadBalancerSchema } from "./load-balancer.ts";
import { type RetryBudgetConfig, retryBudgetSchema } from "./retry-budget.ts";
import { type SessionLimits, sessionSchema } from "./session.ts";
import { type SocketOptions, socketOptionsSchema } from "./socket-options.ts";
import { type ClientTls, clientTlsSchema } from "./tls.ts";

/** The connections that are kept for an endpoint. */
export interface HostConnectionPool {
  readonly minSize: number;
  /** No limit when absent. */
  readonly maxSize?: number | undefined;
  /** For ever when absent. */
  readonly idleTimeMs?: number | undefined;
  /** No limit when absent. */
  readonly maxWaiters?: number | undefined;
}

/** How a destination is talked to: the keys that every protocol has. What is absent was not said. */
export interface ClientConfig {
  readonly tls?: ClientTls | undefined;
  readonly loadBalancer?: LoadBalancer | undefined;
  readonly hostConnectionPool?: HostConnectionPool | undefined;
  readonly failFast?: boolean | undefined;
  readonly failureAccrual?: FailureAccrual | undefined;
  readonly requestAttemptTimeoutMs?: number | undefined;
  readonly requeueBudget?: RetryBudgetConfig | undefined;
  readonly clientSession?: SessionLimits | undefined;
  readonly socketOptions?: SocketOptions | undefined;
}

const hostConnectionPoolSchema = (): z.ZodType<HostConnectionPool> =>
  z
    .strictObject({
      minSize: Count.default(0).describe("Connections that are kept however idle"),
      maxSize: Count.optional().describe("Most connections; no limit when absent"),
      idleTimeMs: DurationMs.optional().describe(
        "Close an idle connection above minSize after this; never when absent",
      ),
      maxWaiters: Count.optional().describe("Requests that may wait for a connection; no limit when absent"),
    })
    .refine(({ minSize, maxSize }) => maxSize === undefined || minSize <= maxSize, {
      path: ["minSize"],
      message: "minSize is greater than maxSize",
    });

/** The keys of a client, beside those that the protocol adds. None has a default here: entries are merged first. */
export function clientKeys(): { readonly [K in keyof ClientConfig]-?: z.ZodType<ClientConfig[K]> } {
  return {
    tls: clientTlsSchema().optional().describe("Talk TLS"),
    loadBalancer: fallsBackTo(loadBalancerSchema(), { kind: "p2c" }).describe("How an endpoint is picked"),
    hostConnectionPool: fallsBackTo(hostConnectionPoolSchema(), {}).describe("Connections kept for each endpoint"),
    failFast: fallsBackTo(Flag, false).describe("Leave an endpoint alone as soon as a connection to it fails"),
    failureAccrual: failureAccrualSchema().optional().describe("When an endpoint counts as dead"),
    requestAttemptTimeoutMs: DurationMs.optional().describe("Longest time for one attempt; no limit when absent"),
    requeueBudget: retryBudgetSchema()
      .optional()
      .describe("How many requests may be sent again that were never sent in full"),
    clientSession: sessionSchema().optional().describe("How long connections may live"),
    socketOptions: socketOptionsSchema().optional().describe("How the connections are set up"),
  };
}

/** Keys of a client that http and h2 add. */
export interface HttpClientConfig {
  readonly forwardClientCert?: boolean | undefined;
  readonly requestAuthorizers?: readonly Chosen<"requestAuthorizer">[] | undefined;
}

export function httpClientKeys(plugins: PluginSource): {
  readonly [K in keyof HttpClientConfig]-?: z.ZodType<HttpClientConfig[K]>;
} {
  return {
    forwardClientCert: fallsBackTo(Flag, false).describe(
      "Tell the destination of the caller's certificate in x-forwarded-client-cert",
    ),
    requestAuthorizers: z
      .array(pluginPosition(plugins, "requestAuthorizer"))
      .meta({ expects: "a list of request authorizers" })
      .optional()
      .describe("Filters that may refuse a request"),
  };
}
