import { Ctx, service } from "@weftmesh/core";
import type { HttpRequest } from "@weftmesh/http";
import { HttpResponse } from "@weftmesh/http";
import { Dtab, type Identification, type Identifier, Path } from "@weftmesh/naming";
import { describe, expect, it } from "vitest";
import { LocalDtabKey } from "../src/call-context.ts";
import { firstOf, RoutingService } from "../src/routing-service.ts";
import { request } from "./message.ts";

const named = (path: string, dtab = Dtab.empty): Identification => ({ kind: "identified", dst: Path.read(path), dtab });
const nameless = (reason: string): Identification => ({ kind: "unidentified", reason });
const always = (answer: Identification | Promise<Identification>): Identifier<HttpRequest> => ({
  identify: () => answer,
});

function routed(identifier: Identifier<HttpRequest>): { service: RoutingService; seen: string[] } {
  const seen: string[] = [];
  const binding = {
    lookup: (path: Path, local: Dtab) => {
      seen.push(`${path.show} ${local.show}`);
      return service(async () => new HttpResponse(200));
    },
    close: () => Promise.resolve(),
  };
  return { service: new RoutingService(identifier, binding), seen };
}

describe("the routing service", () => {
  it("calls the service of the name, with the request's delegations before those of the identifier", async () => {
    const { service: routing, seen } = routed(always(named("/svc/a", Dtab.read("/x=>/y"))));
    await routing.call(request(), new Ctx().set(LocalDtabKey, Dtab.read("/a=>/b")));
    await routing.call(request(), new Ctx());
    expect(seen).toEqual(["/svc/a /a=>/b;/x=>/y", "/svc/a /x=>/y"]);
  });

  it("fails a request without a name, and names it and the reasons", async () => {
    const { service: routing } = routed(firstOf([always(nameless("no host")), always(nameless("no path"))]));
    await expect(routing.call(request([], "/a"), new Ctx())).rejects.toMatchObject({
      code: "WEFT_UNIDENTIFIED",
      message: 'Unknown destination: Request("GET /a") / no host, no path',
    });
  });

  it("believes the first identifier with a name, and asks nobody behind it", async () => {
    let asked = 0;
    const last: Identifier<HttpRequest> = {
      identify: () => {
        asked++;
        return named("/svc/c");
      },
    };
    const { service: routing, seen } = routed(
      firstOf([always(nameless("no")), always(Promise.resolve(nameless("nor"))), always(named("/svc/b")), last]),
    );
    await routing.call(request(), new Ctx());
    expect(seen).toEqual(["/svc/b "]);
    expect(asked).toBe(0);
  });

  it("lets an identifier that throws, or rejects, end the search", async () => {
    const throwing: Identifier<HttpRequest> = {
      identify: () => {
        throw new Error("broken");
      },
    };
    for (const broken of [throwing, always(Promise.reject(new Error("broken")))]) {
      const { service: routing, seen } = routed(firstOf([broken, always(named("/svc/b"))]));
      await expect(routing.call(request(), new Ctx())).rejects.toThrow("broken");
      expect(seen).toEqual([]);
    }
  });

  it("gives up a name that is still being found when the call is cancelled", async () => {
    const { service: routing } = routed(always(new Promise<Identification>(() => {})));
    const ctx = new Ctx();
    const call = routing.call(request(), ctx);
    ctx.cancel(new Error("gone"));
    await expect(call).rejects.toThrow("gone");
  });
});
