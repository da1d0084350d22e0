import { request } from "node:http";
import { connect } from "node:net";

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** Where a server listens. */
export interface Target {
  readonly ip: string;
  readonly port: number;
}

export interface Ask {
  readonly to: Target;
  readonly host?: string;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
}

/** One request on a connection of its own, with whatever `Host` it is to have. */
export function ask(options: Ask): Promise<Answer> {
  const { to, host = "web", method = "GET", path = "/", headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const req = request(
      { host: to.ip, port: to.port, method, path, headers: { host, ...headers } as never, agent: false },
      (res) => {
        const chunks: Buffer[] = [];
        res.on("data", (chunk: Buffer) => chunks.push(chunk));
        res.on("error", reject);
        res.on("end", () =>
          resolve({ status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(chunks).toString() }),
        );
      },
    );
    req.on("error", reject);
    req.end(body);
  });
}

/** Everything that a server sends for these bytes until it closes, or until it has been silent for `quietMs`. */
export function sendRaw(to: Target, bytes: string, quietMs = 500): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = connect(to.port, to.ip, () => socket.write(bytes, "latin1"));
    const done = (): void => {
      socket.destroy();
      resolve(received);
    };
    let timer = setTimeout(done, quietMs * 4);
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
      clearTimeout(timer);
      timer = setTimeout(done, quietMs);
    });
    socket.on("close", () => {
      clearTimeout(timer);
      done();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      if (error.code === "ECONNRESET") done();
      else reject(error);
    });
  });
}
