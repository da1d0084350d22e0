// The health check of the image: is the proxy ready? The admin server is where the config says; by default on 9990.
import { get } from "node:http";

const port = Number(process.env.WEFT_ADMIN_PORT ?? 9990);
const asked = get({ host: "127.0.0.1", port, path: "/ready", timeout: 2000 }, (answer) => {
  answer.resume();
  process.exitCode = answer.statusCode === 200 ? 0 : 1;
});
asked.on("timeout", () => asked.destroy(new Error("no answer within 2 s")));
asked.on("error", (error) => {
  console.error(`not ready: ${error.message}`);
  process.exitCode = 1;
});
