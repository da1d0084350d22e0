import { Agent, request } from "node:http";
import type { Target } from "./raw-http.ts";

export interface LoadOptions {
  readonly to: Target;
  readonly perSecond: number;
  readonly forMs: number;
  readonly host?: string;
  readonly method?: string;
  readonly body?: string;
}

/** One request that was sent when its time had come, whatever became of those before it. */
export interface Sent {
  readonly atMs: number;
  readonly tookMs: number;
  /** 0 when there was no answer. */
  readonly status: number;
  /** What went wrong, as the proxy or the socket has it. */
  readonly error?: string;
}

/** Sends at a fixed rate over connections that are kept, and resolves when the last answer is there. */
export async function openLoad(options: LoadOptions): Promise<readonly Sent[]> {
  const { to, perSecond, forMs } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: 2000 });
  const sent: Promise<Sent>[] = [];
  const began = performance.now();
  const total = Math.round((perSecond * forMs) / 1000);
  while (sent.length < total) {
    const due = Math.min(Math.floor(((performance.now() - began) * perSecond) / 1000) + 1, total);
    while (sent.length < due) sent.push(send(options, to, agent, began));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const all = await Promise.all(sent);
  agent.destroy();
  return all;
}

function send(options: LoadOptions, to: Target, agent: Agent, began: number): Promise<Sent> {
  const { host = "web", method = "GET", body } = options;
  const atMs = performance.now() - began;
  return new Promise((resolve) => {
    const done = (status: number, error?: string): void => {
      const tookMs = performance.now() - began - atMs;
      resolve(error === undefined ? { atMs, tookMs, status } : { atMs, tookMs, status, error });
    };
    const req = request({ host: to.ip, port: to.port, method, path: "/", headers: { host }, agent }, (res) => {
      res.on("end", () => done(res.statusCode ?? 0, res.headers["l5d-err"]?.toString()));
      res.on("error", (error) => done(0, error.message));
      res.resume();
    });
    req.on("error", (error) => done(0, error.message));
    req.end(body);
  });
}

/** The share of those that were answered with 200 within so many ms. */
export function goodShare(sent: readonly Sent[], withinMs: number): number {
  return sent.filter(({ status, tookMs }) => status === 200 && tookMs <= withinMs).length / sent.length;
}
