// One server of the kind named on the command line, with a service that does next to nothing. Prints its port.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { service, systemClock } from "@weftmesh/core";
import { bytesBody, Headers, HttpResponse, headerField } from "@weftmesh/http";
import { listenHttp1 } from "@weftmesh/transport-http1";

const [kind = "onread", size = "1024"] = process.argv.slice(2);
const content = Buffer.alloc(Number(size), "x");
const type = headerField("Content-Type", "text/plain");

if (kind === "node:http") {
  const server = createServer((req, res) => {
    if (req.method === "POST") {
      res.writeHead(200, { "Content-Type": "text/plain" });
      req.pipe(res);
      return;
    }
    res.writeHead(200, { "Content-Type": "text/plain", "Content-Length": content.length });
    res.end(content);
  });
  server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
} else {
  const server = await listenHttp1({
    port: 0,
    clock: systemClock,
    acceptMode: kind === "data" ? "data" : "onread",
    service: service((req) =>
      Promise.resolve(
        new HttpResponse(200, new Headers().addField(type), req.method === "POST" ? req.body : bytesBody(content)),
      ),
    ),
  });
  console.log(server.address.port);
}
