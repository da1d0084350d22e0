// One Node proxy of another make: node node-proxies.mjs KIND PORT UPSTREAM_PORT...
import http from "node:http";

const [kind, port, ...upstreams] = process.argv.slice(2);
const origins = upstreams.map((each) => `http://127.0.0.1:${each}`);
let turn = 0;
const next = () => origins[turn++ % origins.length];
const agent = new http.Agent({ keepAlive: true, maxSockets: 256 });

const kinds = {
  /** As its README has it: a new connection for each request. */
  async "http-proxy"() {
    const { default: httpProxy } = await import("http-proxy");
    const proxy = httpProxy.createProxyServer({});
    http.createServer((req, res) => proxy.web(req, res, { target: next() })).listen(port, "127.0.0.1");
  },
  async "http-proxy-keepalive"() {
    const { default: httpProxy } = await import("http-proxy");
    const proxy = httpProxy.createProxyServer({ agent });
    http.createServer((req, res) => proxy.web(req, res, { target: next() })).listen(port, "127.0.0.1");
  },
  async "fast-proxy"() {
    const { default: fastProxy } = await import("fast-proxy");
    const proxies = origins.map((base) => fastProxy({ base }).proxy);
    http.createServer((req, res) => proxies[turn++ % proxies.length](req, res, req.url, {})).listen(port, "127.0.0.1");
  },
  async "fastify-http-proxy"() {
    const { default: fastify } = await import("fastify");
    const { default: plugin } = await import("@fastify/http-proxy");
    const app = fastify();
    app.register(plugin, { upstream: "", replyOptions: { getUpstream: next } });
    await app.listen({ port: Number(port), host: "127.0.0.1" });
  },
  async "node-undici"() {
    const { Agent } = await import("undici");
    const dispatcher = new Agent({ connections: 64, pipelining: 1 });
    const server = http.createServer((req, res) => {
      const headers = { ...req.headers };
      delete headers.connection;
      dispatcher.dispatch(
        { origin: next(), path: req.url, method: req.method, headers, body: req.method === "GET" ? null : req },
        {
          onRequestStart() {},
          onResponseStart(controller, status, headers) {
            res.writeHead(status, headers);
            res.on("drain", () => controller.resume());
          },
          onResponseData(controller, chunk) {
            if (!res.write(chunk)) controller.pause();
          },
          onResponseEnd: () => res.end(),
          onResponseError: () => res.destroy(),
        },
      );
    });
    server.listen(port, "127.0.0.1");
  },
};

await kinds[kind]();
