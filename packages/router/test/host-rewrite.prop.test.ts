import { Params } from "@weftmesh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AuthorityParam, hostRewrite } from "../src/host-rewrite.ts";
import { request, through } from "./message.ts";

const host = fc.stringMatching(/^[a-z]{1,4}(\.[a-z]{1,4}){0,2}$/);
const rest = fc.stringMatching(/^([/?#][a-z0-9/]{0,6}|:[0-9]{1,4}\/?)?$/);

describe("the host that discovery names", () => {
  it("is the only one that a backend sees, and never the one that the caller is sent to", async () => {
    await fc.assert(
      fc.asyncProperty(host, host, rest, async (called, original, behind) => {
        const req = request(["Host", original, "HOST", "twice"], "/", original);
        const { response } = await through(hostRewrite, Params.empty.with(AuthorityParam, called), req, {
          replyHeaders: ["Location", `http://${called}${behind}`, "Refresh", `0; url=https://${called}${behind}`],
        });
        expect(req.headers.getAll("host")).toEqual([called]);
        expect(req.authority).toBe(called);
        expect(response.headers.get("location")).toBe(`http://${original}${behind}`);
        expect(response.headers.get("refresh")).toBe(`0; url=https://${original}${behind}`);
      }),
    );
  });

  it("is put back in no other host's place, however it begins", async () => {
    await fc.assert(
      fc.asyncProperty(host, fc.stringMatching(/^[a-z0-9.-]{1,5}$/), rest, async (called, tail, behind) => {
        const location = `http://${called}${tail}${behind}`;
        const { response } = await through(hostRewrite, Params.empty.with(AuthorityParam, called), request(), {
          replyHeaders: ["Location", location],
        });
        expect(response.headers.get("location")).toBe(location);
      }),
    );
  });
});
