import { hostilePayloads } from "@weftmesh/testkit/http1-payloads";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Baseline, baselineOf, expectHealthy } from "../src/after-each-case.ts";
import { Backend } from "../src/backend.ts";
import { RunningProxy } from "../src/proxy.ts";
import { sendRaw } from "../src/raw-http.ts";

let backend: Backend;
let proxy: RunningProxy;
let before: Baseline;

beforeAll(async () => {
  backend = await Backend.start();
  proxy = await RunningProxy.start(`admin: { port: 0 }
routers:
- protocol: http
  dtab: /svc/* => /$/inet/127.1/${backend.port}
  servers: [{ port: 0 }]
`);
  before = await baselineOf(proxy);
});
afterAll(async () => {
  await proxy?.stop();
  await backend?.stop();
});

// Each of them at the codec alone: packages/transport-http1/test/hostile-requests.test.ts.
describe("list A over the real process", () => {
  it.each(hostilePayloads)(
    "$id: $what is answered with $status, reaches nobody, and leaves no trace",
    async (payload) => {
      const received = backend.received.length;
      const text = await sendRaw(proxy.at(), payload.bytes);
      expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${payload.status} `));
      expect(text).toContain("\r\nConnection: close\r\n");
      expect(text.match(/^HTTP\/1\.1 /gm)).toHaveLength(1);
      if (payload.long !== true) expect(backend.received.length).toBe(received);
      await expectHealthy(proxy, before);
    },
  );
});
