import { join } from "node:path";
import type { Child } from "./child.ts";
import { h2Peers, smallGet, startH2Backends, unaryCall } from "./h2-peers.ts";
import { h2load, h2OpenLoop } from "./h2load.ts";
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

export interface ScenarioChoice {
  readonly tls: boolean;
  readonly http2: boolean;
  readonly grpc: boolean;
  /** Of the client, over HTTP/2 too. */
  readonly connections: number;
  /** Requests at a time on each connection of HTTP/2. */
  readonly streams: number;
}

function http1(tls: boolean, rig: Rig, connections: number): Scenario {
  const what = tls ? "HTTP/1.1 over TLS 1.3 on both sides" : "HTTP/1.1";
  return {
    title: `${what}, GET 1 KiB, keep-alive: CPU per request, x nginx`,
    file: tls ? "http1-tls-get" : "http1-get",
    base: "nginx",
    peers: tls ? tlsPeers : http1Peers,
    startBackends: () => (tls ? startTlsBackends(rig) : startBackends(rig)),
    load: (port, seconds) => wrk(`${tls ? "https" : "http"}://127.0.0.1:${port}/`, connections, seconds),
    openLoop: (port, ratePerSecond, seconds) => openLoop(port, ratePerSecond, seconds, { tls }),
  };
}

function http2({ grpc, connections, streams }: ScenarioChoice, rig: Rig): Scenario {
  const shape = { connections, streams };
  const request = grpc ? unaryCall(rig) : smallGet;
  return {
    title: `HTTP/2 on both sides, ${grpc ? "gRPC unary" : "GET 1 KiB"}, ${connections} x ${streams} streams: CPU per request, x haproxy`,
    file: `${grpc ? "grpc-unary" : "http2-get"}-${connections}x${streams}`,
    base: "haproxy",
    peers: h2Peers,
    startBackends: () => startH2Backends(rig, grpc),
    load: (port, seconds) => h2load(port, request, shape, seconds),
    openLoop: (port, ratePerSecond, seconds) =>
      h2OpenLoop(port, request, shape, ratePerSecond, seconds, join(rig.dir, "requests.tsv")),
  };
}

export function scenarioOf(choice: ScenarioChoice, rig: Rig): Scenario {
  return choice.http2 || choice.grpc ? http2(choice, rig) : http1(choice.tls, rig, choice.connections);
}
