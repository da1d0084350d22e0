import { systemClock } from "@weftmesh/core";
import { RawClient } from "@weftmesh/testkit";
import { hostilePayloads } from "@weftmesh/testkit/http1-payloads";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Http1Server, listenHttp1 } from "../src/index.ts";
import { Recorder } from "./recorder.ts";

const good = "GET /good HTTP/1.1\r\nHost: web.example\r\n\r\n";

describe.each(["onread", "data"] as const)("a server that reads with %s", (acceptMode) => {
  let recorder = new Recorder();
  let server: Http1Server;
  let neighbour: RawClient;

  beforeAll(async () => {
    server = await listenHttp1({
      service: { call: (req, ctx) => recorder.service.call(req, ctx), status: "open", close: () => Promise.resolve() },
      port: 0,
      clock: systemClock,
      acceptMode,
    });
    neighbour = new RawClient(server.address.port);
  });

  beforeEach(() => {
    recorder = new Recorder();
  });

  afterAll(async () => {
    await server.close(0);
  });

  it.each(hostilePayloads)(
    "$id: answers $what with $status, closes, and keeps it from the service",
    async (payload) => {
      const client = new RawClient(server.address.port).send(payload.bytes);
      await client.gone();
      const { text } = client;
      expect(client.statuses).toEqual([payload.status]);
      expect(text).toContain("\r\nConnection: close\r\n");
      expect(text.endsWith("\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")).toBe(true);
      if (payload.long !== true) expect(recorder.calls).toHaveLength(0);
      for (const call of recorder.calls) {
        expect(call.ended).toBe(false);
        expect(call.error).toBeInstanceOf(Error);
        expect(call.outcomes).toHaveLength(1);
      }

      // The connection beside it has been open all the time, and is served.
      neighbour.text = "";
      neighbour.send(good);
      await neighbour.until(() => neighbour.text.endsWith("GET "));
      expect(neighbour.statuses).toEqual([200]);
      expect(recorder.complete.map((call) => call.path)).toEqual(["/good"]);
    },
  );
});
