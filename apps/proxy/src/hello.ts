// `npm start`: the proxy on an example that is complete in itself. Three tiny backends come up with it.
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runProxy } from "@weftmesh/proxy";
import { standardPlugins } from "@weftmesh/standard";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const backends = [
  { name: "web-1", port: 8081 },
  { name: "web-2", port: 8082 },
  { name: "web-3", port: 8083 },
];

/** A service that says which of its instances answered. */
function startBackend(name: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer((req, res) => {
      console.log(`${name} answers ${req.method} ${req.url}`);
      res.setHeader("content-type", "text/plain");
      res.end(`hello from ${name}\n`);
    });
    server.once("error", (error) =>
      reject(new Error(`the example's backend ${name} needs port ${port}: ${error.message}`)),
    );
    server.listen(port, "127.0.0.1", () => {
      server.unref();
      resolve();
    });
  });
}

// The example's paths are relative to the repository, wherever it was started from.
process.chdir(root);
for (const { name, port } of backends) await startBackend(name, port);
console.log("three backends are up; in another terminal:\n\n  curl -H 'Host: web' http://127.0.0.1:4140/\n");
process.exitCode = await runProxy(["docs/examples/hello/hello.yaml"], { plugins: standardPlugins });
