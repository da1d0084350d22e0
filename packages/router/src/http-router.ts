import { DestLabelParam, DestParam } from "@weftmesh/balancer";
import { type Binding, type BindingCacheSizes, newBinding } from "@weftmesh/binding";
import { ClockParam, type Params, RngParam } from "@weftmesh/core";
import { EndpointCountParam } from "@weftmesh/failure-accrual";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";
import { LogicalNameParam } from "@weftmesh/metrics";
import type { Bound, Delegator, Dtab, Identifier, Interpreter, OverrideLimits, Path } from "@weftmesh/naming";
import { StatsParam } from "@weftmesh/telemetry";
import { BoundParam, DstKey, DstParam, RouterLabelParam } from "./call-context.ts";
import { BaseDtabParam, DelegatorParam } from "./diagnostic-tracer.ts";
import { endpointCount } from "./endpoint-label.ts";
import type { HttpService } from "./http-service.ts";
import { RoutingService } from "./routing-service.ts";
import { RouterScopes, RouterScopesParam } from "./shared-scopes.ts";
import { makeOver, type StackSet } from "./stack-set.ts";

export interface HttpRouterOptions {
  readonly label: string;
  readonly stacks: StackSet;
  /** For every stack: clock, randomness, and the process's stats, which are scoped here. */
  readonly params: Params;
  readonly identifier: Identifier<HttpRequest>;
  readonly interpreter: Interpreter;
  readonly baseDtab: Dtab;
  /** Where the delegations of requests may lead; anywhere if not given. */
  readonly overrideLimits?: OverrideLimits;
  readonly cache: BindingCacheSizes;
  readonly bindingTimeoutMs: number;
  /** The parameters that the config has for a logical name. */
  serviceParams(path: Path): Params;
  /** The parameters that the config has for a bound name. */
  clientParams(id: Path): Params;
  onError(error: Error): void;
}

/** A router without its listeners: from a request to the client that answers it. */
export interface HttpRouter {
  readonly binding: Binding<HttpRequest, HttpResponse>;
  /** The service of one server, whose own parameters these are. */
  serverService(params: Params, statsNode: readonly string[]): HttpService;
}

/** A path as the node of a metrics tree. */
function statsNode(path: Path): string {
  return path.isEmpty ? "/" : path.show.slice(1);
}

/** Scopes the stats, unless a custom build has said where they go. */
function scoped(params: Params, ...names: readonly string[]): Params {
  return params.with(StatsParam, params.get(StatsParam).scope(...names));
}

/** What `make` makes; when it throws, nothing was made that could be given back later. */
function madeOr(undo: () => void, make: () => HttpService): HttpService {
  try {
    return make();
  } catch (thrown) {
    undo();
    throw thrown;
  }
}

function delegatorOf(interpreter: Interpreter & Partial<Delegator>): Delegator | undefined {
  return interpreter.delegate === undefined ? undefined : (interpreter as Delegator);
}

export function newHttpRouter(options: HttpRouterOptions): HttpRouter {
  const { stacks, identifier } = options;
  const base = scoped(options.params, "rt", options.label)
    .with(RouterLabelParam, options.label)
    .with(BaseDtabParam, options.baseDtab)
    .with(DelegatorParam, delegatorOf(options.interpreter));
  const logicalName = base.with(LogicalNameParam, (ctx) => ctx.get(DstKey)?.path.show);
  // What left the caches leaves the metrics too: names come from clients, and must not pile up.
  const scopes = base.get(RouterScopesParam) ?? new RouterScopes();
  const services = scopes.of(options.label, "service", base.get(StatsParam));
  const clients = scopes.of(options.label, "client", base.get(StatsParam));
  const binding = newBinding<HttpRequest, HttpResponse>({
    interpreter: options.interpreter,
    baseDtab: options.baseDtab,
    ...(options.overrideLimits === undefined ? {} : { overrideLimits: options.overrideLimits }),
    newPathStack: ({ path, dtab }, below) => {
      const name = statsNode(path);
      const params = base.merge(options.serviceParams(path)).with(StatsParam, services.take(name));
      const dst = { path, local: dtab.isEmpty ? undefined : dtab };
      return madeOr(
        () => services.release(name),
        () => makeOver(stacks.path, below, params.with(DstParam, dst)),
      );
    },
    pathClosed: ({ path }) => services.release(statsNode(path)),
    newBoundStack: (bound, below) => makeOver(stacks.bound, below, base.with(BoundParam, bound)),
    newClientStack: (bound: Bound) => {
      const name = statsNode(bound.id);
      const params = logicalName.merge(options.clientParams(bound.id)).with(StatsParam, clients.take(name));
      return madeOr(
        () => clients.release(name),
        () =>
          stacks.client.make(
            params
              .with(BoundParam, bound)
              .with(DestParam, bound.addr)
              .with(DestLabelParam, bound.id.show)
              .with(EndpointCountParam, endpointCount(bound.addr)),
          ),
      );
    },
    clientClosed: (bound) => clients.release(statsNode(bound.id)),
    cache: options.cache,
    timeoutMs: options.bindingTimeoutMs,
    clock: base.get(ClockParam),
    rng: base.get(RngParam),
    stats: base.get(StatsParam),
    onError: options.onError,
  });
  return {
    binding,
    serverService(params, node) {
      const leaf = new RoutingService(identifier, binding);
      return makeOver(stacks.server, leaf, scoped(base.merge(params), "server", ...node));
    },
  };
}
