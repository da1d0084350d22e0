import { Agent, request } from "node:http";
import type { Target } from "./raw-http.ts";

export interface PostLoad {
  readonly to: Target;
  readonly perSecond: number;
  readonly host?: string;
  /** Connections that are kept; 64 if not given. */
  readonly connections?: number;
}

/**
 * POSTs at a fixed rate over kept connections, each with a body of its own that must come back, and never sent twice: a
 * client that does not retry sees every failure there is.
 */
export class Posts {
  readonly #options: PostLoad;
  readonly #agent: Agent;
  readonly #began: number = performance.now();
  readonly #answers: Promise<void>[] = [];
  /** What went wrong, in words. */
  readonly failures: string[] = [];
  sent = 0;
  #ended = false;
  readonly #loop: Promise<void>;

  constructor(options: PostLoad) {
    this.#options = options;
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.connections ?? 64, scheduling: "fifo" });
    this.#loop = this.#run();
  }

  /** Resolves when so many have been sent. */
  async reached(count: number): Promise<void> {
    while (this.sent < count && !this.#ended) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** Sends no more, and resolves when every answer is there. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#loop;
    await Promise.all(this.#answers);
    this.#agent.destroy();
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      const due = Math.floor(((performance.now() - this.#began) * this.#options.perSecond) / 1000) + 1;
      while (this.sent < due) this.#answers.push(this.#post(this.sent++));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  #post(number: number): Promise<void> {
    const { to, host = "web" } = this.#options;
    const body = `post ${number}`;
    return new Promise((resolve) => {
      const failed = (why: string): void => {
        this.failures.push(`${body} at ${Math.round(performance.now() - this.#began)} ms: ${why}`);
        resolve();
      };
      const options = { host: to.ip, port: to.port, method: "POST", path: "/", headers: { host }, agent: this.#agent };
      const req = request(options, (res) => {
        const chunks: Buffer[] = [];
        res.on("data", (chunk: Buffer) => chunks.push(chunk));
        res.on("error", (error) => failed(error.message));
        res.on("end", () => {
          const echo = Buffer.concat(chunks).toString();
          if (res.statusCode !== 200 || echo !== body) failed(`${res.statusCode} ${echo.slice(0, 200)}`);
          else resolve();
        });
      });
      req.on("error", (error) => failed(error.message));
      req.end(body);
    });
  }
}
