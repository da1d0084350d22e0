import { credentials, Server, ServerCredentials } from "@grpc/grpc-js";

export interface Listening {
  readonly server: Server;
  readonly target: string;
}

export async function listening(add: (server: Server) => void): Promise<Listening> {
  const server = new Server();
  add(server);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return { server, target: `127.0.0.1:${port}` };
}

export const plain: ReturnType<typeof credentials.createInsecure> = credentials.createInsecure();
