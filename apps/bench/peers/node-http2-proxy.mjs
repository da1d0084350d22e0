// A proxy of node:http2 on both sides, as one would write it: node node-http2-proxy.mjs PORT UPSTREAM_PORT...
import http2 from "node:http2";

const [port, ...upstreams] = process.argv.slice(2);
const sessions = upstreams.map((each) => http2.connect(`http://127.0.0.1:${each}`));
let turn = 0;

http2
  .createServer()
  .on("stream", (stream, headers) => {
    const onward = sessions[turn++ % sessions.length].request(headers, { endStream: false });
    onward.on("response", (answer) => {
      if (!stream.destroyed) stream.respond(answer, { waitForTrailers: true });
    });
    let trailers = {};
    onward.on("trailers", (found) => {
      trailers = found;
    });
    stream.on("wantTrailers", () => {
      if (!stream.destroyed) stream.sendTrailers(trailers);
    });
    stream.on("error", () => onward.close());
    onward.on("error", () => stream.close());
    stream.pipe(onward);
    onward.pipe(stream);
  })
  .listen(Number(port), "127.0.0.1");
