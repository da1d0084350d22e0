import { service } from "@weftmesh/core";
import { collectBody, Headers, type HttpRequest, HttpResponse } from "@weftmesh/http";
import { ManualClock, settle } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Flag, FrameType } from "../src/frame-types.ts";
import type { Http2ServerLimits } from "../src/server-settings.ts";
import { frame } from "./frames.ts";
import { MemoryServer } from "./memory-server.ts";

type Row = readonly [string, string];

const arbName = fc.string({ unit: fc.constantFrom(..."ab-_"), minLength: 1, maxLength: 6 }).map((rest) => `x${rest}`);
const arbRows: fc.Arbitrary<Row[]> = fc.array(fc.tuple(arbName, fc.constantFrom("1", "a_b")), { maxLength: 8 });

/** A server with these limits, and what reached its service. */
function serving(limits: Partial<Http2ServerLimits>) {
  const seen: HttpRequest[] = [];
  const echo = service(async (req: HttpRequest) => {
    seen.push(req);
    await collectBody(req.body, 1_000);
    return new HttpResponse(204, new Headers());
  });
  const server = new MemoryServer(echo, new ManualClock(), { limits }).begin();
  const statusOf = async (id: number): Promise<string | undefined> => {
    await settle();
    server.wire.flush();
    const [answer] = server.peer.of(FrameType.Headers, id);
    return answer === undefined ? undefined : server.peer.decode(answer)[0]?.[1];
  };
  return { server, seen, statusOf };
}

const hasUnderscore = (rows: readonly Row[]): boolean => rows.some(([name]) => name.includes("_"));

describe("what a request may have in its header list", () => {
  it("is no name with a _ where these are refused, whatever its value, and the next request is served", async () => {
    await fc.assert(
      fc.asyncProperty(arbRows, fc.boolean(), async (rows, refuseUnderscores) => {
        const { server, seen, statusOf } = serving({ refuseUnderscores });
        const refused = refuseUnderscores && hasUnderscore(rows);
        server.send(server.peer.request(1, "GET", "/a_b", true, rows));
        expect([await statusOf(1), seen.length]).toEqual(refused ? ["400", 0] : ["204", 1]);
        server.send(server.peer.request(3, "GET", "/", true, [["x-y", "1"]]));
        expect(await statusOf(3)).toBe("204");
      }),
    );
  });

  it("is refused among trailers too, which end the stream with PROTOCOL_ERROR", async () => {
    await fc.assert(
      fc.asyncProperty(arbRows, fc.boolean(), async (rows, refuseUnderscores) => {
        const { server, statusOf } = serving({ refuseUnderscores });
        const { peer } = server;
        server.send(peer.request(1, "POST", "/", false));
        server.send(frame(FrameType.Headers, Flag.EndHeaders | Flag.EndStream, 1, peer.block(rows)));
        const refused = refuseUnderscores && hasUnderscore(rows);
        const status = await statusOf(1);
        expect([peer.resetOf(1), status]).toEqual(refused ? ["PROTOCOL_ERROR", undefined] : [undefined, "204"]);
      }),
    );
  });

  it("is so many fields and no more: 431", async () => {
    await fc.assert(
      fc.asyncProperty(arbRows, fc.integer({ min: 0, max: 8 }), async (rows, maxHeaderFields) => {
        const { server, seen, statusOf } = serving({ maxHeaderFields });
        server.send(server.peer.request(1, "GET", "/", true, rows));
        const refused = rows.length > maxHeaderFields;
        expect([await statusOf(1), seen.length]).toEqual(refused ? ["431", 0] : ["204", 1]);
      }),
    );
  });
});
