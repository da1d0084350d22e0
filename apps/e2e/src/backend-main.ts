// A backend in a process of its own, so that it can be killed: node backend-main.ts [delayMs] [status]
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const [delayMs = "0", status = "200"] = process.argv.slice(2);
const server = createServer((_req, res) => {
  setTimeout(() => {
    res.statusCode = Number(status);
    res.end("ok");
  }, Number(delayMs));
});
server.keepAliveTimeout = 600_000;
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`listening ${(server.address() as AddressInfo).port}\n`);
});
