import { Params, Var } from "@weftmesh/core";
import { boundAddr, Path } from "@weftmesh/naming";
import { arbPath } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BoundParam, DstParam } from "../src/call-context.ts";
import { clientCertHeader } from "../src/client-cert-header.ts";
import { dstClient, dstService } from "../src/dst-headers.ts";
import { arbHeaders, only, valuesOf } from "./arb-headers.ts";
import { request, through } from "./message.ts";

const rest = fc.oneof(fc.constant(Path.empty), arbPath());
const addr = Var.of(boundAddr([]));

describe("the headers that name the destination", () => {
  it("C6: are there once, as we know it, whatever the client claims, and other headers are left alone", async () => {
    await fc.assert(
      fc.asyncProperty(arbHeaders, arbPath(), arbPath(), rest, async (sent, path, id, residual) => {
        const headers = ["L5D-Dst-Residual", "/evil", ...sent];
        const req = request(headers);
        await through(dstService, Params.empty.with(DstParam, { path, local: undefined }), req);
        await through(dstClient, Params.empty.with(BoundParam, { id, residual, addr }), req);
        const flat = req.headers.toFlat();
        expect(valuesOf(flat, "l5d-dst-service")).toEqual([path.show]);
        expect(valuesOf(flat, "l5d-dst-client")).toEqual([id.show]);
        expect(valuesOf(flat, "l5d-dst-residual")).toEqual(residual.isEmpty ? [] : [residual.show]);
        const others = (name: string): boolean => !name.startsWith("l5d-dst-");
        expect(only(flat, others)).toEqual(only(headers, others));
      }),
    );
  });

  it("hold the name in a form that reads back as it", async () => {
    await fc.assert(
      fc.asyncProperty(arbPath(), async (path) => {
        const req = request();
        await through(dstService, Params.empty.with(DstParam, { path, local: undefined }), req);
        expect(Path.read(req.headers.get("l5d-dst-service") ?? "").show).toBe(path.show);
      }),
    );
  });
});

describe("a client's claim about its certificate", () => {
  it("C6: never reaches a backend, and nothing else is lost with it", async () => {
    await fc.assert(
      fc.asyncProperty(arbHeaders, async (headers) => {
        const { request: req } = await through(clientCertHeader, Params.empty, request(headers));
        expect(req.headers.toFlat()).toEqual(only(headers, (name) => name !== "x-forwarded-client-cert"));
      }),
    );
  });
});
