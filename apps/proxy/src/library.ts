// What a plugin may import of us, each package under its own name: plugins that are loaded by name get these very
// modules, and not copies of their own. One file, because each further entry of a bundle cuts all of it in more pieces.
export * as "@weftmesh/admission" from "@weftmesh/admission";
export * as "@weftmesh/balancer" from "@weftmesh/balancer";
export * as "@weftmesh/binding" from "@weftmesh/binding";
export * as "@weftmesh/classify" from "@weftmesh/classify";
export * as "@weftmesh/config" from "@weftmesh/config";
export * as "@weftmesh/core" from "@weftmesh/core";
export * as "@weftmesh/http" from "@weftmesh/http";
export * as "@weftmesh/metrics" from "@weftmesh/metrics";
export * as "@weftmesh/naming" from "@weftmesh/naming";
export * as "@weftmesh/pool" from "@weftmesh/pool";
export * as "@weftmesh/router" from "@weftmesh/router";
export * as "@weftmesh/telemetry" from "@weftmesh/telemetry";
export * as "@weftmesh/timeout" from "@weftmesh/timeout";
export * as "@weftmesh/transport-http1" from "@weftmesh/transport-http1";
