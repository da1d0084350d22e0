import { join } from "node:path";
import type { Child } from "./child.ts";
import { clientHeaders, h2Peers, smallGet, startH2Backends, unaryCall } from "./h2-peers.ts";
import { type H2Request, h2load, h2OpenLoop } from "./h2load.ts";
import { http1Peers, startBackends } from "./http1-peers.ts";
import { type OpenLoopResult, openLoop } from "./open-loop.ts";
import type { Peer, Rig } from "./rig.ts";
import { startTlsBackends, tlsPeers } from "./tls-peers.ts";
import { type WrkResult, wrk } from "./wrk.ts";

/** What is asked of every proxy, and whom they are compared with. */
export interface Scenario {
  readonly title: string;
  /** Name of the files that keep the figures. */
  readonly file: string;
  /** The peer whose CPU is 1. */
  readonly base: string;
  readonly peers: readonly Peer[];
  startBackends(): Promise<Child>;
  /** As much load as there can be. */
  load(port: number, seconds: number): Promise<WrkResult>;
  /** Load at a fixed rate. */
  openLoop(port: number, ratePerSecond: number, seconds: number): Promise<OpenLoopResult>;
}

/** The shape of the load. */
export interface LoadShape {
  /** Of the client, over HTTP/2 too. */
  readonly connections: number;
  /** Requests at a time on each connection of HTTP/2. */
  readonly streams: number;
}

type ScenarioOf = (rig: Rig, shape: LoadShape) => Scenario;

const http1 =
  (tls: boolean): ScenarioOf =>
  (rig, { connections }) => ({
    title: `${tls ? "HTTP/1.1 over TLS 1.3 on both sides" : "HTTP/1.1"}, GET 1 KiB, keep-alive: CPU per request, x nginx`,
    file: tls ? "http1-tls-get" : "http1-get",
    base: "nginx",
    peers: tls ? tlsPeers : http1Peers,
    startBackends: () => (tls ? startTlsBackends(rig) : startBackends(rig)),
    load: (port, seconds) => wrk(`${tls ? "https" : "http"}://127.0.0.1:${port}/`, connections, seconds),
    openLoop: (port, ratePerSecond, seconds) => openLoop(port, ratePerSecond, seconds, { tls }),
  });

/** What clients of HTTP/2 ask, and how. */
function http2Load(request: H2Request, rig: Rig, shape: LoadShape): Pick<Scenario, "load" | "openLoop"> {
  return {
    load: (port, seconds) => h2load(port, request, shape, seconds),
    openLoop: (port, ratePerSecond, seconds) =>
      h2OpenLoop(port, request, shape, ratePerSecond, seconds, join(rig.dir, "requests.tsv")),
  };
}

const http2 =
  (what: "http2-get" | "grpc-unary"): ScenarioOf =>
  (rig, shape) => {
    const grpc = what === "grpc-unary";
    const { connections, streams } = shape;
    return {
      title: `HTTP/2 on both sides, ${grpc ? "gRPC unary" : "GET 1 KiB"}, ${connections} x ${streams} streams: CPU per request, x haproxy`,
      file: `${what}-${connections}x${streams}`,
      base: "haproxy",
      peers: h2Peers({ caller: "http2", backend: "http2" }),
      startBackends: () => startH2Backends(rig, grpc),
      ...http2Load(grpc ? unaryCall(rig) : smallGet, rig, shape),
    };
  };

const http2ToHttp1: ScenarioOf = (rig, shape) => ({
  title: `HTTP/2 to HTTP/1.1, GET 1 KiB, ${shape.connections} x ${shape.streams} streams: CPU per request, x haproxy`,
  file: `http2-to-http1-${shape.connections}x${shape.streams}`,
  base: "haproxy",
  peers: h2Peers({ caller: "http2", backend: "http1" }),
  startBackends: () => startBackends(rig),
  ...http2Load(smallGet, rig, shape),
});

/** With the headers of the GET over HTTP/2, so that the two ways can be compared. */
const http1ToHttp2: ScenarioOf = (rig, { connections }) => {
  const headers = clientHeaders;
  return {
    title: `HTTP/1.1 to HTTP/2, GET 1 KiB, ${connections} connections: CPU per request, x haproxy`,
    file: `http1-to-http2-${connections}`,
    base: "haproxy",
    peers: h2Peers({ caller: "http1", backend: "http2" }),
    startBackends: () => startH2Backends(rig, false),
    load: (port, seconds) => wrk(`http://127.0.0.1:${port}/bench`, connections, seconds, headers),
    openLoop: (port, ratePerSecond, seconds) =>
      openLoop(port, ratePerSecond, seconds, { path: "/bench", headers, lanes: connections }),
  };
};

/** By the flags that ask for them. */
export const scenarios = {
  http1: http1(false),
  tls: http1(true),
  http2: http2("http2-get"),
  grpc: http2("grpc-unary"),
  "http2-to-http1": http2ToHttp1,
  "http1-to-http2": http1ToHttp2,
} satisfies Readonly<Record<string, ScenarioOf>>;
