import {
  type Server,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { healthFile } from "./health-file.ts";
import { type AnyMessage, serviceDefinition } from "./service-definition.ts";
import { serviceOf } from "./service-of.ts";

export type ServingStatus = "UNKNOWN" | "SERVING" | "NOT_SERVING";

const numbers = { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } as const;

/** More than this no answer of `List` may have, says the protocol. */
const maxListed = 100;

export interface HealthOptions {
  /** Calls of `Watch` at once: 1,000 if not given. Another one is answered RESOURCE_EXHAUSTED. */
  readonly maxWatchers?: number;
}

/**
 * The health service of a gRPC server, `grpc.health.v1.Health`: `Check`, `List` and `Watch`.
 *
 * Shape: the server as a whole is the service with the empty name, and SERVING from the beginning. Whoever watches is told
 * the status at once and each change after that; one that reads slowly is told the latest and not all between.
 * Errors: RangeError for `maxWatchers` below 1.
 */
export class HealthService {
  readonly #statuses = new Map<string, ServingStatus>([["", "SERVING"]]);
  readonly #watchers = new Map<string, Set<Watcher>>();
  readonly #maxWatchers: number;
  #watching = 0;
  #isDown = false;

  constructor({ maxWatchers = 1000 }: HealthOptions = {}) {
    if (!(maxWatchers >= 1)) throw new RangeError(`maxWatchers must be at least 1, not ${maxWatchers}`);
    this.#maxWatchers = maxWatchers;
  }

  /** Before the server is started. */
  addTo(server: Server): void {
    server.addService(serviceDefinition(serviceOf(healthFile, "Health")), {
      check: (call: ServerUnaryCall<AnyMessage, AnyMessage>, reply: sendUnaryData<AnyMessage>) =>
        this.#check(nameIn(call.request), reply),
      list: (_call: unknown, reply: sendUnaryData<AnyMessage>) => this.#list(reply),
      watch: (call: ServerWritableStream<AnyMessage, AnyMessage>) => this.#watch(call),
    });
  }

  get(service: string): ServingStatus | undefined {
    const known = this.#statuses.get(service);
    return known !== undefined && this.#isDown ? "NOT_SERVING" : known;
  }

  /** Calls of `Watch` that are under way. */
  get watching(): number {
    return this.#watching;
  }

  set(service: string, serving: ServingStatus): void {
    this.#statuses.set(service, serving);
    this.#tell(service);
  }

  /** The service is unknown from now on. */
  remove(service: string): void {
    this.#statuses.delete(service);
    this.#tell(service);
  }

  /** Everything is NOT_SERVING from now on, whatever is set: so that callers go elsewhere before the server stops. */
  shutdown(): void {
    this.#isDown = true;
    for (const service of this.#watchers.keys()) this.#tell(service);
  }

  #tell(service: string): void {
    const watchers = this.#watchers.get(service);
    if (watchers === undefined) return;
    const number = this.#number(service);
    for (const watcher of watchers) watcher.tell(number);
  }

  #number(service: string): number {
    return numbers[this.get(service) ?? "SERVICE_UNKNOWN"];
  }

  #check(service: string, reply: sendUnaryData<AnyMessage>): void {
    const serving = this.get(service);
    if (serving === undefined) reply({ code: status.NOT_FOUND, details: "unknown service" });
    else reply(null, { status: numbers[serving] });
  }

  #list(reply: sendUnaryData<AnyMessage>): void {
    if (this.#statuses.size > maxListed) {
      const details = `${this.#statuses.size} services are more than the ${maxListed} that may be listed`;
      reply({ code: status.RESOURCE_EXHAUSTED, details });
      return;
    }
    const services = [...this.#statuses.keys()];
    const statuses = Object.fromEntries(services.map((service) => [service, { status: this.#number(service) }]));
    reply(null, { statuses });
  }

  #watch(call: ServerWritableStream<AnyMessage, AnyMessage>): void {
    if (this.#watching >= this.#maxWatchers) {
      call.emit("error", { code: status.RESOURCE_EXHAUSTED, details: `${this.#maxWatchers} calls watch already` });
      return;
    }
    const service = nameIn(call.request);
    const watcher = new Watcher(call);
    const watchers = this.#watchers.get(service) ?? new Set();
    this.#watchers.set(service, watchers);
    watchers.add(watcher);
    this.#watching++;
    call.on("cancelled", () => {
      if (!watchers.delete(watcher)) return;
      this.#watching--;
      if (watchers.size === 0) this.#watchers.delete(service);
    });
    watcher.tell(this.#number(service));
  }
}

/** One call of `Watch`: at most one status waits for a reader that is slow. */
class Watcher {
  readonly #call: ServerWritableStream<AnyMessage, AnyMessage>;
  #last: number | undefined;
  #latest = 0;
  #isFull = false;

  constructor(call: ServerWritableStream<AnyMessage, AnyMessage>) {
    this.#call = call;
    call.on("drain", () => {
      this.#isFull = false;
      this.#write();
    });
  }

  tell(number: number): void {
    this.#latest = number;
    this.#write();
  }

  #write(): void {
    if (this.#isFull || this.#latest === this.#last) return;
    this.#last = this.#latest;
    this.#isFull = !this.#call.write({ status: this.#latest });
  }
}

function nameIn(request: AnyMessage): string {
  return String(request["service"] ?? "");
}
