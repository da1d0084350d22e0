import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

export interface OpenLoopResult {
  readonly sent: number;
  readonly failed: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** What a load of HTTP/1.1 sends. */
export interface Http1Load {
  readonly tls?: boolean;
  readonly path?: string;
  /** Beside `Host`. */
  readonly headers?: readonly string[];
  readonly lanes?: number;
}

/** One keep-alive connection, one request at a time. Answers are told apart by their Content-Length. */
class Lane {
  busy = false;
  readonly #socket: Socket;
  readonly #head: Buffer;
  #startedUs = 0;
  #left = -1;
  readonly #done: (latencyUs: number) => void;

  constructor(port: number, isTls: boolean, head: Buffer, done: (latencyUs: number) => void, failed: () => void) {
    this.#done = done;
    this.#head = head;
    const to = { port, host: "127.0.0.1" };
    this.#socket = isTls ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to);
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", failed);
  }

  send(dueUs: number): void {
    this.busy = true;
    this.#startedUs = dueUs;
    this.#socket.write(this.#head);
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    if (this.#left < 0) {
      const text = chunk.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      const length = Number(/content-length: *(\d+)/i.exec(text)?.[1] ?? 0);
      this.#left = length - (chunk.length - end - 4);
    } else this.#left -= chunk.length;
    if (this.#left > 0) return;
    this.#left = -1;
    this.busy = false;
    this.#done(nowUs() - this.#startedUs);
  }
}

function nowUs(): number {
  return performance.now() * 1000;
}

/**
 * Open-loop load at a fixed rate: a request is due when it is due, whoever is slow, and its latency counts from then.
 */
export function openLoop(
  port: number,
  perSecond: number,
  seconds: number,
  { tls = false, path = "/", headers = [], lanes = 32 }: Http1Load = {},
): Promise<OpenLoopResult> {
  const head = Buffer.from([`GET ${path} HTTP/1.1`, "Host: web", ...headers, "", ""].join("\r\n"));
  return new Promise((resolve) => {
    const latencies: number[] = [];
    const pool = Array.from(
      { length: lanes },
      () =>
        new Lane(
          port,
          tls,
          head,
          (us) => latencies.push(us),
          () => {},
        ),
    );
    /** Set when the connections are there: no request is due before that. */
    let beganUs = 0;
    const total = perSecond * seconds;
    /** A proxy that keeps every lane waiting must not keep the rig waiting. */
    const giveUpUs = nowUs() + (seconds + 5) * 1e6;
    let sent = 0;
    const turn = (): void => {
      const due = Math.min(total, Math.floor(((nowUs() - beganUs) / 1e6) * perSecond));
      while (sent < due) {
        const lane = pool.find((each) => !each.busy);
        if (lane === undefined) break;
        lane.send(beganUs + (sent++ / perSecond) * 1e6);
      }
      if (sent < total && nowUs() < giveUpUs) setTimeout(turn, 1);
      else setTimeout(finish, 200);
    };
    const finish = (): void => {
      for (const lane of pool) lane.close();
      latencies.sort((a, b) => a - b);
      const at = (q: number): number =>
        latencies[Math.min(latencies.length - 1, Math.floor(q * latencies.length))] ?? 0;
      resolve({ sent, failed: total - latencies.length, p50Us: at(0.5), p99Us: at(0.99) });
    };
    setTimeout(() => {
      beganUs = nowUs();
      turn();
    }, 100);
  });
}
