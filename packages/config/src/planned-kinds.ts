/** What the types of plugin are called in messages. */
export interface PluginNoun {
  readonly one: string;
  readonly many: string;
}

const nouns: ReadonlyMap<string, PluginNoun> = new Map([
  ["protocol", { one: "protocol", many: "protocols" }],
  ["namer", { one: "namer", many: "namers" }],
  ["interpreter", { one: "interpreter", many: "interpreters" }],
  ["identifier", { one: "identifier", many: "identifiers" }],
  ["h2Identifier", { one: "h2 identifier", many: "h2 identifiers" }],
  ["classifier", { one: "response classifier", many: "response classifiers" }],
  ["telemeter", { one: "telemeter", many: "telemeters" }],
  ["tracePropagator", { one: "trace propagator", many: "trace propagators" }],
  ["requestAuthorizer", { one: "request authorizer", many: "request authorizers" }],
  ["module", { one: "module", many: "modules" }],
]);

export function pluginNoun(type: string): PluginNoun {
  return nouns.get(type) ?? { one: type, many: `${type}s` };
}

/**
 * The kinds of Linkerd 1.7.5 by type of plugin. One that no plugin of the build brings is refused as known but not
 * built, and not as a typo.
 */
export const plannedKinds: ReadonlyMap<string, readonly string[]> = new Map([
  ["protocol", ["http", "h2", "thrift", "thriftmux", "mux"]],
  [
    "namer",
    [
      "io.l5d.fs",
      "io.l5d.serversets",
      "io.l5d.consul",
      "io.l5d.k8s",
      "io.l5d.k8s.ns",
      "io.l5d.k8s.external",
      "io.l5d.k8s.istio",
      "io.l5d.marathon",
      "io.l5d.zkLeader",
      "io.l5d.curator",
      "io.l5d.dnssrv",
      "io.l5d.rancher",
      "io.l5d.rewrite",
    ],
  ],
  [
    "interpreter",
    [
      "default",
      "io.l5d.namerd",
      "io.l5d.namerd.http",
      "io.l5d.mesh",
      "io.l5d.fs",
      "io.l5d.k8s.configMap",
      "io.l5d.consul.interpreter",
      "io.l5d.k8s.istio",
    ],
  ],
  [
    "identifier",
    [
      "io.l5d.header.token",
      "io.l5d.header",
      "io.l5d.methodAndHost",
      "io.l5d.path",
      "io.l5d.static",
      "io.l5d.ingress",
      "io.l5d.k8s.istio",
      "io.l5d.k8s.istio-ingress",
    ],
  ],
  [
    "h2Identifier",
    ["io.l5d.header.token", "io.l5d.header.path", "io.l5d.ingress", "io.l5d.k8s.istio", "io.l5d.k8s.istio-ingress"],
  ],
  [
    "classifier",
    [
      "io.l5d.http.nonRetryable5XX",
      "io.l5d.http.retryableRead5XX",
      "io.l5d.http.retryableIdempotent5XX",
      "io.l5d.http.retryableAll5XX",
      "io.l5d.http.allSuccessful",
      "io.l5d.h2.nonRetryable5XX",
      "io.l5d.h2.retryableRead5XX",
      "io.l5d.h2.retryableIdempotent5XX",
      "io.l5d.h2.retryableAll5XX",
      "io.l5d.h2.allSuccessful",
      "io.l5d.h2.grpc.default",
      "io.l5d.h2.grpc.compliant",
      "io.l5d.h2.grpc.alwaysRetryable",
      "io.l5d.h2.grpc.neverRetryable",
      "io.l5d.h2.grpc.retryableStatusCodes",
    ],
  ],
  [
    "telemeter",
    [
      "io.l5d.prometheus",
      "io.l5d.influxdb",
      "io.l5d.statsd",
      "io.l5d.tracelog",
      "io.l5d.recentRequests",
      "io.l5d.zipkin",
    ],
  ],
  ["requestAuthorizer", ["io.l5d.k8s.istio"]],
  ["tracePropagator", ["io.l5d.default", "io.l5d.zipkin"]],
]);

/** Types whose kinds are easily taken for each other's. */
const twins: ReadonlyMap<string, { readonly type: string; readonly routers: string }> = new Map([
  ["identifier", { type: "h2Identifier", routers: "h2" }],
  ["h2Identifier", { type: "identifier", routers: "http" }],
]);

/** What to say of a kind that Linkerd has and this build does not; `undefined` when Linkerd does not have it either. */
export function plannedKind(type: string, kind: string): string | undefined {
  if (plannedKinds.get(type)?.includes(kind) !== true) {
    const twin = twins.get(type);
    if (twin === undefined || plannedKinds.get(twin.type)?.includes(kind) !== true) return undefined;
    return `${kind} is an identifier of ${twin.routers} routers alone`;
  }
  return `${kind} is a Linkerd ${pluginNoun(type).one} that this build does not have yet`;
}
