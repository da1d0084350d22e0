import { DestLabelParam, DestParam, EndpointParam, LoadBalancerRole } from "@weftmesh/balancer";
import { Ctx, type Module, Params, role, type Service, Stack, type Status } from "@weftmesh/core";
import { EndpointCountParam } from "@weftmesh/failure-accrual";
import { discard, dispatchHttp, emptyBody, Headers, HttpRequest, type HttpResponse } from "@weftmesh/http";
import { PoolRole, unpooled } from "@weftmesh/pool";
import { RequeuesRole } from "@weftmesh/retries";
import { StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import { ConnectTimeoutMs } from "@weftmesh/timeout";
import type { SimService, StackPlace, StackSpec } from "../experiment.ts";
import { attemptCount, CallKey, CallRecord } from "./call-record.ts";
import type { ClientGroup } from "./client-group.ts";
import { SimConnector } from "./sim-connector.ts";
import { stackParams } from "./stack-params.ts";
import type { TierWorld } from "./tier-world.ts";

/** One caller of a tier: a stack of real modules over simulated connections. */
export class SimClient implements Service<HttpRequest, HttpResponse> {
  readonly #group: ClientGroup;
  readonly #stack: SimService;
  readonly #method: string;
  readonly #authority: string;

  constructor(
    spec: StackSpec,
    tier: TierWorld,
    group: ClientGroup,
    place: StackPlace,
    stats: StatsReceiver,
    method = "GET",
  ) {
    this.#group = group;
    this.#method = method;
    this.#authority = tier.tier.name;
    const base = Params.empty
      .with(DestParam, tier.dest)
      .with(DestLabelParam, `/#/simulated/${tier.tier.name}`)
      .with(EndpointCountParam, () => tier.discovered);
    const { clock } = place;
    const stack = new Stack(spec.modules, (params) => {
      const where = params.get(EndpointParam);
      return unpooled(new SimConnector(tier, tier.backendAt(where), clock, params.get(ConnectTimeoutMs)));
    });
    this.#stack = scoped(counted(stack, group)).make(stackParams(base, spec, place, stats));
  }

  get status(): Status {
    return this.#stack.status;
  }

  /** The ctx must be new, or a fork that was made for this call. */
  call(req: HttpRequest, ctx: Ctx): Promise<HttpResponse> {
    this.#group.calls++;
    ctx.set(CallKey, new CallRecord());
    return this.#stack.call(req, ctx);
  }

  /** Makes a whole call: resolves with the head, and lets the body go. */
  dispatch(ctx: Ctx = new Ctx()): Promise<HttpResponse> {
    const req = new HttpRequest("1.1", this.#method, "http", this.#authority, "/", new Headers(), emptyBody);
    return dispatchHttp(this, req, ctx).then(letGo);
  }

  close(): Promise<void> {
    return this.#stack.close();
  }
}

function letGo(rep: HttpResponse): HttpResponse {
  if (rep.body !== emptyBody) rep.body.pipe(discard);
  return rep;
}

function counted(stack: Stack<SimService>, group: ClientGroup): Stack<SimService> {
  const counter = attemptCount(group);
  return stack.has(PoolRole) ? stack.before(PoolRole, counter) : new Stack([...stack.modules, counter], stack.leaf);
}

/** Gives the client's part of the stack a scope of its own, as a router does: retries and requeues share their names. */
function scoped(stack: Stack<SimService>): Stack<SimService> {
  const scope: Module<SimService> = {
    role: role("simulator.clientScope"),
    description: "The scope of the client's metrics",
    params: { stats: StatsParam },
    make: (params, next) => next.make(params.with(StatsParam, params.get(StatsParam).scope("client"))),
  };
  const top = [RequeuesRole, LoadBalancerRole].find((at) => stack.has(at));
  return top === undefined ? stack : stack.before(top, scope);
}
