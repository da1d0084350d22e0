import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  aperture,
  type BalancerKind,
  BalancerParam,
  balancer,
  DestParam,
  leastLoaded,
  peakEwma,
  ringSlice,
} from "@weftmesh/balancer";
import { ClockParam, Params, RngParam, type Service, Stack, service, systemClock, Var } from "@weftmesh/core";
import { type Addr, address, boundAddr } from "@weftmesh/naming";
import { poolModule } from "@weftmesh/pool";
import { constantArrivals } from "../arrivals.ts";
import { backends, type Figures, type MeasureTools, type TrafficExperiment } from "../experiment.ts";
import { constantLatency } from "../latency.ts";
import { atMost, onThisMachine, type Scenario } from "../scenario.ts";
import { seededRng } from "../seeded-rng.ts";
import { VirtualClock } from "../virtual-clock.ts";

export interface TenThousandOptions {
  readonly endpoints: number;
  readonly clients: number;
  /** Clients whose balancers are really built; each has a node for each endpoint. */
  readonly built: number;
}

const minAperture = 12;

/** Endpoints that a slice of whole slots of the ring may touch. */
function mostOf({ endpoints, clients }: TenThousandOptions): number {
  const slots = Math.ceil((Math.min(minAperture, endpoints) * clients) / endpoints);
  return Math.ceil((Math.min(slots, clients) * endpoints) / clients) + 1;
}

/** Which endpoints each client uses, and how many clients each endpoint has. */
function countConnections({ endpoints, clients }: TenThousandOptions): (tools: MeasureTools) => Figures {
  return ({ progress }) => {
    const weights = new Float64Array(endpoints).fill(1);
    const perEndpoint = new Float64Array(endpoints);
    let connections = 0;
    let fewest = endpoints;
    let most = 0;
    for (let instanceId = 0; instanceId < clients; instanceId++) {
      const slice = ringSlice(weights, { instanceId, totalInstances: clients }, minAperture);
      let used = 0;
      for (let i = 0; i < endpoints; i++) {
        if ((slice[i] as number) <= 0) continue;
        used++;
        perEndpoint[i] = (perEndpoint[i] as number) + 1;
      }
      connections += used;
      fewest = Math.min(fewest, used);
      most = Math.max(most, used);
      if (instanceId % 50 === 0) progress(instanceId / clients);
    }
    const figures = {
      connections,
      "connections if each client had all": endpoints * clients,
      "fewest endpoints of a client": fewest,
      "most endpoints of a client": most,
      "fewest clients of an endpoint": perEndpoint.reduce((min, each) => Math.min(min, each), clients),
      "most clients of an endpoint": perEndpoint.reduce((max, each) => Math.max(max, each), 0),
    };
    return { figures };
  };
}

/** What a client's balancer costs: memory, and the time of an update of the whole set. */
function measureMemory(
  kind: () => BalancerKind,
  options: TenThousandOptions,
): (tools: MeasureTools) => Promise<Figures> {
  return async ({ seed, progress }) => {
    const { endpoints, built } = options;
    const addresses = Array.from({ length: endpoints + 1 }, (_, i) =>
      address(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 80),
    );
    const all = boundAddr(addresses.slice(0, endpoints));
    const others = boundAddr(addresses.slice(1));
    const dest = Var.source<Addr>(all);
    const clock = new VirtualClock();
    const reply: Service<string, string> = service(() => Promise.resolve("answer"));
    const collect = collector();
    collect();
    const before = process.memoryUsage().heapUsed;
    const balancers = Array.from({ length: built }, (_, i) => {
      progress(i / built);
      const params = Params.empty
        .with(DestParam, dest)
        .with(BalancerParam, kind())
        .with(ClockParam, clock)
        .with(RngParam, seededRng(seed).stream(`client/${i}`));
      return new Stack([balancer<string, string>()], () => reply).make(params);
    });
    collect();
    const bytes = (process.memoryUsage().heapUsed - before) / built;
    // The system's clock is read once in a turn of the loop.
    await nextTurn();
    const startMs = systemClock.now();
    dest.set(others);
    await nextTurn();
    const updateMs = (systemClock.now() - startMs) / built;
    const nodes = endpoints;
    const open = balancers.filter((each) => each.status === "open").length;
    return {
      figures: { "balancers built": built, "of them open": open, "nodes of each": nodes },
      machine: {
        "MB of a client": bytes / 1e6,
        "bytes of a node": bytes / nodes,
        "GB of all clients in one process": (bytes * options.clients) / 1e9,
        "ms of an update of one client": updateMs,
      },
    };
  };
}

/** Calls the collector, which Node has to be asked for; without it figures are too high, and not wrong. */
function collector(): () => void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  setFlagsFromString("--no-expose-gc");
  return typeof collect === "function" ? () => void (collect as () => void)() : () => {};
}

function traffic({ endpoints, clients, built }: TenThousandOptions): TrafficExperiment {
  return {
    kind: "traffic",
    name: `${built} of the clients at work`,
    durationMs: 5000,
    tiers: [{ name: "web", backends: backends(endpoints, { latency: constantLatency(20) }) }],
    load: {
      to: "web",
      clients: built,
      arrivals: constantArrivals(built * 200),
      through: {
        modules: [balancer(), poolModule()],
        params: ({ index, count }) => {
          // Spread over the ring of all clients, of whom the others are not there.
          const peer = { instanceId: Math.floor((index * clients) / count), totalInstances: clients };
          return Params.empty.with(BalancerParam, aperture({ coordinate: () => peer }));
        },
      },
    },
  };
}

export function newTenThousand(options: TenThousandOptions): Scenario {
  const { endpoints, clients, built } = options;
  const name = (kind: string): string => `${kind}, ${built} clients built`;
  const peer = { instanceId: 0, totalInstances: clients };
  return {
    name: "ten-thousand",
    summary: `${endpoints} endpoints and ${clients} clients: connections, memory, and updates`,
    about:
      "G22. The connections of all clients are counted on the ring. A client's balancer has a node for each endpoint, " +
      "whichever it uses, so that memory and updates are measured on some of the clients and multiplied.",
    experiments: [
      { kind: "measured", name: "connections", measure: countConnections(options) },
      { kind: "measured", name: name("leastLoaded"), measure: measureMemory(() => leastLoaded(), options) },
      { kind: "measured", name: name("ewma"), measure: measureMemory(() => peakEwma(), options) },
      {
        kind: "measured",
        name: name("aperture"),
        measure: measureMemory(() => aperture({ coordinate: () => peer }), options),
      },
      traffic(options),
    ],
    columns: [
      {
        title: "connections",
        of: (run) => run.tiers[0]?.backends.reduce((sum, { sessions }) => sum + sessions, 0) ?? 0,
      },
      {
        title: "servers used",
        of: (run) => run.tiers[0]?.backends.filter(({ arrived }) => arrived > 0).length ?? 0,
      },
    ],
    claims: (results) => {
      const { figures, machine } = results.measured(name("ewma"));
      const counted = results.measured("connections").figures;
      const mean = (counted["connections"] ?? 0) / endpoints;
      return [
        atMost(
          "G22: most clients of an endpoint, over the mean",
          (counted["most clients of an endpoint"] ?? 0) / mean,
          1.1,
        ),
        atMost("G22: most endpoints of a client", counted["most endpoints of a client"] ?? 0, mostOf(options)),
        onThisMachine(atMost("G9: ms of an update of one client", machine["ms of an update of one client"] ?? 0, 100)),
        onThisMachine(atMost("G22: bytes of a node", machine["bytes of a node"] ?? 0, 1000)),
        atMost("balancers that are not open", built - (figures["of them open"] ?? 0), 0),
      ];
    },
  };
}

/** G22: what a large mesh is to a client. */
export const tenThousand: Scenario = newTenThousand({ endpoints: 10_000, clients: 1000, built: 20 });
