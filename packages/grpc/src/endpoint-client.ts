import { isIP } from "node:net";
import { type ChannelCredentials, type ChannelOptions, Client, connectivityState, credentials } from "@grpc/grpc-js";
import { type Clock, ClosedError, type Ctx, type Param, param, type Service, type Status } from "@weftmesh/core";
import { type Address, showAddress } from "@weftmesh/naming";
import { streamAttempt, unaryAttempt } from "./attempt.ts";
import { GrpcConnectError } from "./errors.ts";
import type { GrpcRequest } from "./grpc-request.ts";
import type { GrpcResponse } from "./grpc-response.ts";

/** How endpoints are spoken to: plain, if not set. */
export const ChannelCredentialsParam: Param<ChannelCredentials> = param<ChannelCredentials>(
  "channelCredentials",
  credentials.createInsecure(),
  () => "credentials",
);

/** Options of grpc-js for the channel of each endpoint, which come before those of this package. */
export const ChannelOptionsParam: Param<ChannelOptions> = param<ChannelOptions>("channelOptions", {});

export interface EndpointClientSettings {
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
  /** The longest wait for a connection, in ms. */
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
}

/** What our own modules do, grpc-js need not do a second time; and an endpoint that is back is to be found soon. */
const ours: ChannelOptions = {
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  "grpc.use_local_subchannel_pool": 1,
  "grpc.initial_reconnect_backoff_ms": 200,
  "grpc.max_reconnect_backoff_ms": 5000,
};

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * One endpoint: a channel of grpc-js with a single address.
 *
 * Shape: a call is handed to grpc-js only when there is a connection. Without one it waits for it, and is rejected when
 * the attempt to connect fails: flagged retryable, since nothing was sent. While grpc-js waits before it tries again, the
 * status is `busy` and calls are rejected at once, save those that ask to wait (`waitForReady` of their metadata).
 * Errors: `WEFT_CONNECT_FAILED`, `WEFT_CONNECT_TIMEOUT`, `WEFT_CLOSED`.
 */
export class EndpointClient implements Service<GrpcRequest, GrpcResponse> {
  readonly #label: string;
  readonly #client: Client;
  readonly #settings: EndpointClientSettings;
  /** Calls that wait for a connection, and whether they do so however often it fails. */
  readonly #waiting = new Map<Waiting, boolean>();
  #watching = false;
  #calls = 0;
  #closed: Promise<void> | undefined;
  #quiet: (() => void) | undefined;

  constructor(address: Address, settings: EndpointClientSettings) {
    this.#label = showAddress(address);
    this.#settings = settings;
    this.#client = new Client(targetOf(address), settings.credentials, { ...ours, ...settings.options });
  }

  call(req: GrpcRequest, ctx: Ctx): Promise<GrpcResponse> {
    if (this.#closed !== undefined) return Promise.reject(new ClosedError(`the client of ${this.#label}`));
    if (ctx.cancelled !== undefined) return Promise.reject(ctx.cancelled);
    this.#calls++;
    ctx.observe(this);
    const state = this.#client.getChannel().getConnectivityState(true);
    if (state === connectivityState.READY) return this.#send(req, ctx);
    const patient = req.metadata.getOptions().waitForReady === true;
    if (state === connectivityState.TRANSIENT_FAILURE && !patient) return Promise.reject(this.#noConnection());
    return this.#connected(ctx, patient).then(() => this.#send(req, ctx));
  }

  onEnd(): void {
    this.#calls--;
    if (this.#calls === 0) this.#quiet?.();
  }

  get status(): Status {
    if (this.#closed !== undefined) return "closed";
    const state = this.#client.getChannel().getConnectivityState(false);
    return state === connectivityState.TRANSIENT_FAILURE ? "busy" : "open";
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #send(req: GrpcRequest, ctx: Ctx): Promise<GrpcResponse> {
    if (ctx.cancelled !== undefined) return Promise.reject(ctx.cancelled);
    const { clock } = this.#settings;
    return req.isUnary ? unaryAttempt(this.#client, req, ctx, clock) : streamAttempt(this.#client, req, ctx, clock);
  }

  #connected(ctx: Ctx, patient: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { resolve, reject };
      this.#waiting.set(waiting, patient);
      ctx.onCancel((reason) => {
        this.#waiting.delete(waiting);
        reject(reason);
      });
      if (!this.#watching) this.#watch(this.#settings.clock.now() + this.#settings.connectTimeoutMs);
    });
  }

  /** Follows the channel until nobody waits. */
  #watch(untilMs: number): void {
    const { clock, connectTimeoutMs } = this.#settings;
    const channel = this.#client.getChannel();
    this.#watching = false;
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.READY) {
      this.#settle(true, ({ resolve }) => resolve());
      return;
    }
    if (state === connectivityState.TRANSIENT_FAILURE)
      this.#settle(false, ({ reject }) => reject(this.#noConnection()));
    if (this.#waiting.size === 0) return;
    const leftMs = untilMs - clock.now();
    if (leftMs <= 0) {
      this.#settle(false, ({ reject }) => reject(this.#timedOut()));
      if (this.#waiting.size === 0) return;
    }
    const nextMs = leftMs > 0 ? untilMs : clock.now() + connectTimeoutMs;
    this.#watching = true;
    channel.watchConnectivityState(state, clock.epochMs() + Math.max(nextMs - clock.now(), 1), () => {
      if (this.#closed === undefined || this.#waiting.size > 0) this.#watch(nextMs);
    });
  }

  #settle(patientToo: boolean, tell: (each: Waiting) => void): void {
    for (const [each, patient] of [...this.#waiting]) {
      if (patient && !patientToo) continue;
      this.#waiting.delete(each);
      tell(each);
    }
  }

  #noConnection(): GrpcConnectError {
    return new GrpcConnectError("WEFT_CONNECT_FAILED", `no connection to ${this.#label}; it is tried again`);
  }

  #timedOut(): GrpcConnectError {
    const { connectTimeoutMs } = this.#settings;
    return new GrpcConnectError(
      "WEFT_CONNECT_TIMEOUT",
      `no connection to ${this.#label} within ${connectTimeoutMs} ms`,
    );
  }

  async #close(): Promise<void> {
    if (this.#calls > 0) {
      await new Promise<void>((resolve) => {
        this.#quiet = resolve;
      });
    }
    this.#client.close();
  }
}

function targetOf({ host, port }: Address): string {
  const version = isIP(host);
  if (version === 4) return `ipv4:${host}:${port}`;
  return version === 6 ? `ipv6:[${host}]:${port}` : `dns:${host}:${port}`;
}
