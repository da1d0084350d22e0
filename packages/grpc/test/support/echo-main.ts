import { EchoServer } from "./echo.ts";

/** A server in a process of its own, which can be killed as processes are. It says on which port it listens. */
const server = await EchoServer.start({ say: (call, reply) => setTimeout(() => reply(null, call.request), 5) });
process.stdout.write(`${server.port}\n`);
