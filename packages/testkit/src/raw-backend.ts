import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** A request as its bytes were. */
export interface RawRequest {
  readonly line: string;
  /** Names as they came, in order. */
  readonly headers: readonly (readonly [string, string])[];
  /** As it was framed. */
  readonly body: string;
}

/** What is written for a request; undefined where the test does that itself, on the socket. */
export type RawAnswer = (req: RawRequest, socket: Socket) => string | undefined;

/** A server of HTTP/1 on a free port that knows its requests to the byte, and answers with bytes. */
export class RawBackend {
  readonly received: RawRequest[] = [];
  readonly sockets: Set<Socket> = new Set();
  readonly #server: Server;

  private constructor(answer: RawAnswer) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.sockets.add(socket);
      socket.on("close", () => this.sockets.delete(socket));
      socket.on("error", () => {});
      socket.on("end", () => socket.end());
      let text = "";
      socket.on("data", (bytes: Buffer) => {
        text += bytes.toString("latin1");
        for (;;) {
          const end = endOf(text);
          if (end < 0) return;
          const req = read(text.slice(0, end));
          text = text.slice(end);
          this.received.push(req);
          const bytesBack = answer(req, socket);
          if (bytesBack !== undefined) socket.write(bytesBack, "latin1");
          if (bytesBack !== undefined && /^HTTP\/1.0|\r\nConnection: close\r\n/i.test(bytesBack)) socket.end();
        }
      });
    });
  }

  static start(answer: RawAnswer): Promise<RawBackend> {
    const backend = new RawBackend(answer);
    return new Promise((resolve) => backend.#server.listen(0, "127.0.0.1", () => resolve(backend)));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

/** Where the first request ends; -1 as long as it has not. What is no request of a proxy of ours is not looked for. */
function endOf(text: string): number {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return -1;
  const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(text.slice(0, head + 2));
  if (length !== null) return text.length >= head + 4 + Number(length[1]) ? head + 4 + Number(length[1]) : -1;
  if (!/\r\ntransfer-encoding: *chunked\r\n/i.test(text.slice(0, head + 2))) return head + 4;
  for (let at = head + 4; ; ) {
    const line = text.indexOf("\r\n", at);
    if (line < 0) return -1;
    const size = Number.parseInt(text.slice(at, line), 16);
    if (size > 0) at = line + 2 + size + 2;
    else {
      const end = text.indexOf("\r\n\r\n", line);
      return end < 0 ? -1 : end + 4;
    }
  }
}

function read(text: string): RawRequest {
  const at = text.indexOf("\r\n\r\n");
  const [line = "", ...lines] = text.slice(0, at).split("\r\n");
  const headers = lines.map((each): [string, string] => {
    const colon = each.indexOf(":");
    return [each.slice(0, colon), each.slice(colon + 1).trim()];
  });
  return { line, headers, body: text.slice(at + 4) };
}
