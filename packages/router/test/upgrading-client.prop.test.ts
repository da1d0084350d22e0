import { EndpointParam } from "@weftmesh/balancer";
import type { ClientProtocolName } from "@weftmesh/config";
import { ClockParam, Ctx, Params, Stack, service } from "@weftmesh/core";
import { emptyBody, Headers, HttpRequest, HttpResponse, type HttpVersion, TunnelRequest } from "@weftmesh/http";
import { type Address, address, protocolHint } from "@weftmesh/naming";
import { unpooled } from "@weftmesh/pool";
import { StatsParam } from "@weftmesh/telemetry";
import { ManualClock, MemoryStats } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClientVersionParam, ProtocolHintParam, versionPool } from "../src/client-version.ts";
import type { HttpService } from "../src/http-service.ts";
import { UpgradePeerParam } from "../src/upgrading-client.ts";

/** What was made of a stack for one endpoint, and how requests went: by the version that is spoken there. */
interface Made {
  readonly client: HttpService;
  /** What the transport was built for, in order. */
  readonly built: string[];
  readonly went: string[];
  readonly closed: string[];
  readonly stats: MemoryStats;
  /** The proxy says how long a list of headers may be. */
  say(maxHeaderListBytes: number): void;
}

function made(protocol: ClientProtocolName, hint: boolean, endpoint: Address): Made {
  const built: string[] = [];
  const went: string[] = [];
  const closed: string[] = [];
  let say: (maxHeaderListBytes: number) => void = () => {};
  const stats = new MemoryStats();
  const transport = (params: Params): HttpService => {
    const peer = params.get(UpgradePeerParam);
    const name = `${params.get(ClientVersionParam)}${peer === undefined ? "" : " upgraded"}`;
    built.push(name);
    if (peer !== undefined) {
      say = (maxHeaderListBytes) => {
        peer.maxHeaderListBytes = maxHeaderListBytes;
      };
    }
    const session = service<HttpRequest, HttpResponse>(() => {
      went.push(name);
      return Promise.resolve(new HttpResponse(200));
    });
    const close = (): Promise<void> => {
      closed.push(name);
      return Promise.resolve();
    };
    return unpooled({ status: "open", open: () => Promise.resolve(session), close });
  };
  const params = Params.empty
    .with(ClientVersionParam, protocol)
    .with(ProtocolHintParam, hint)
    .with(EndpointParam, endpoint)
    .with(ClockParam, new ManualClock())
    .with(StatsParam, stats);
  const client = new Stack<HttpService>([versionPool()], transport).make(params);
  return { client, built, went, closed, stats, say: (bytes) => say(bytes) };
}

const hinted = address("192.0.2.1", 80, 1, { [protocolHint]: "h2" });
const plain = address("192.0.2.1", 80);

function request(version: HttpVersion, headers: readonly string[] = [], path = "/"): HttpRequest {
  return new HttpRequest(version, "GET", "http", "web", path, Headers.of(...headers), emptyBody);
}

async function ask(client: HttpService, req: HttpRequest): Promise<void> {
  const ctx = new Ctx();
  await client.call(req, ctx);
  ctx.end({ kind: "ok" });
}

/** As HTTP/2 counts a request (RFC 9113 section 6.5.2), with all that may be added to it on its way. */
function listBytes({ method, authority, path, headers }: HttpRequest): number {
  const fields: (readonly [string, string])[] = [
    [":method", method],
    [":scheme", "https"],
    [":authority", authority],
    [":path", path],
    ["l5d-orig-proto", "HTTP/1.1; absolute-form"],
    ["content-length", "9007199254740991"],
    ...headers,
  ];
  return fields.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
}

describe("the connections to an endpoint", () => {
  it.each([
    ["http1", true, plain, ["http1"]],
    ["http1", true, hinted, ["h2 upgraded"]],
    ["http1", false, hinted, ["http1"]],
    ["h2", true, plain, ["h2"]],
    ["h2", true, hinted, ["h2 upgraded"]],
    ["h2", false, hinted, ["h2"]],
    ["upgrade", true, plain, ["h2 upgraded"]],
    ["upgrade", false, hinted, ["h2 upgraded"]],
    ["http1", true, address("192.0.2.1", 80, 1, { [protocolHint]: "opaque" }), ["http1"]],
    ["http1", true, address("status.invalid", 0, 1, { [protocolHint]: "h2", "weft.status": 404 }), ["http1"]],
  ] as const)("are by protocol %s, with hints of account %s, at %o: %j", async (protocol, hint, endpoint, built) => {
    const { client, built: found, went } = made(protocol, hint, endpoint);
    await ask(client, request("1.1"));
    expect([found, went]).toEqual([built, built]);
  });

  it("are of HTTP/1.1 beside HTTP/2 from the first request on that needs them, and close with the others", async () => {
    const { client, built, went, closed, stats } = made("upgrade", true, plain);
    await ask(client, request("1.1"));
    await ask(client, request("2"));
    expect(built).toEqual(["h2 upgraded"]);
    for (let i = 0; i < 2; i++) {
      await ask(client, new TunnelRequest("1.1", "GET", "http", "web", "/", new Headers(), ["websocket"]));
    }
    // One of HTTP/2 needs none of HTTP/1.
    await ask(client, new TunnelRequest("2", "GET", "http", "web", "/", new Headers(), ["websocket"]));
    expect(built).toEqual(["h2 upgraded", "http1"]);
    expect(went).toEqual(["h2 upgraded", "h2 upgraded", "http1", "http1", "h2 upgraded"]);
    expect([stats.readCounter("upgrade/requests"), stats.readCounter("upgrade/http1_requests")]).toEqual([1, 2]);
    expect(client.status).toBe("open");
    await client.close();
    await client.close();
    expect(closed.sort()).toEqual(["h2 upgraded", "http1"]);
    await expect(client.call(request("1.1"), new Ctx())).rejects.toMatchObject({ code: "WEFT_CLOSED" });
  });

  it("are not made any more once it was closed", async () => {
    const { client, built } = made("upgrade", true, plain);
    await client.close();
    const tunnel = new TunnelRequest("1.1", "GET", "http", "web", "/", new Headers(), ["websocket"]);
    await expect(client.call(tunnel, new Ctx())).rejects.toMatchObject({ code: "WEFT_CLOSED" });
    expect(built).toEqual(["h2 upgraded"]);
  });

  it("bring to the proxy no list of headers that is longer than it takes, and upgrade all that is well below", async () => {
    const arbHeaders = fc.array(fc.tuple(fc.stringMatching(/^[a-z]{1,20}$/), fc.stringMatching(/^[!-~]{0,60}$/)), {
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(
        arbHeaders,
        fc.stringMatching(/^\/[a-z]{0,300}$/),
        fc.oneof(fc.nat(3_000), fc.constant(Number.POSITIVE_INFINITY)),
        async (headers, path, limit) => {
          const { client, went, say } = made("upgrade", true, plain);
          say(limit);
          const req = request("1.1", headers.flat(), path);
          await ask(client, req);
          const [way] = went;
          if (listBytes(req) > limit) expect(way).toBe("http1");
          else if (listBytes(req) + 64 <= limit) expect(way).toBe("h2 upgraded");
          await client.close();
        },
      ),
    );
  });

  it("take a list for too long that a server of HTTP/1 might not take, until the proxy has spoken", async () => {
    const { client, went } = made("upgrade", true, plain);
    await ask(client, request("1.1", ["x-long", "v".repeat(7_700)]));
    await ask(client, request("1.1", ["x-long", "v".repeat(8_300)]));
    expect(went).toEqual(["h2 upgraded", "http1"]);
  });
});
