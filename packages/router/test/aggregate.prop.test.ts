import { CancelledError, Ctx, Params, Stack, service } from "@weftmesh/core";
import { Headers, HttpRequest, HttpResponse } from "@weftmesh/http";
import { PushBody, RecordingSink, settle, testError } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aggregatedRequests, aggregatedResponses, MaxAggregateBytes } from "../src/aggregate.ts";
import type { HttpService } from "../src/http-service.ts";

/** As often longer in all than what is held as not. */
const arbChunks = fc.array(
  fc.integer({ min: 0, max: 60 }).map((length) => new Uint8Array(length).fill(length)),
  { maxLength: 6 },
);
const maxBytes = 100;
const params = Params.empty.with(MaxAggregateBytes, maxBytes);

function post(body: PushBody): HttpRequest {
  return new HttpRequest("1.1", "POST", "http", "web", "/", new Headers(), body);
}

describe("a request that is held until it is whole", () => {
  it("goes on with its length and every byte, once and only when it has ended; a longer one is refused", async () => {
    await fc.assert(
      fc.asyncProperty(arbChunks, fc.boolean(), async (chunks, known) => {
        const content = Buffer.concat(chunks);
        const seen: HttpRequest[] = [];
        const below: HttpService = service(async (req) => {
          seen.push(req);
          return new HttpResponse(200);
        });
        const body = new PushBody(known ? content.length : undefined);
        const call = new Stack([aggregatedRequests], () => below).make(params).call(post(body), new Ctx());
        const result = call.then(
          () => "ok",
          (error: { code: string }) => error.code,
        );
        for (const chunk of chunks) body.push(chunk);
        await settle();
        expect(seen).toHaveLength(0);
        body.end();
        if (content.length > maxBytes) {
          expect([await result, seen.length]).toEqual(["WEFT_REQUEST_TOO_LONG", 0]);
          // By its length alone: nobody is asked to send it.
          if (known) expect(body.piped).toBe(false);
          return;
        }
        expect(await result).toBe("ok");
        expect(seen).toHaveLength(1);
        const held = (seen[0] as HttpRequest).body;
        expect(held.length).toBe(content.length);
        expect(RecordingSink.of(held).content().equals(content)).toBe(true);
      }),
    );
  });

  it("is not sent when its caller leaves or breaks off meanwhile", async () => {
    for (const how of ["cancel", "fail"] as const) {
      let calls = 0;
      const below: HttpService = service(async () => {
        calls++;
        return new HttpResponse(200);
      });
      const body = new PushBody();
      const ctx = new Ctx();
      const call = new Stack([aggregatedRequests], () => below).make(params).call(post(body), ctx);
      const reason = how === "cancel" ? new CancelledError() : testError("broken");
      if (how === "cancel") ctx.cancel(reason);
      else body.fail(reason);
      await expect(call).rejects.toBe(reason);
      if (how === "cancel") body.end();
      await settle();
      expect(calls).toBe(0);
    }
  });
});

describe("a response that is held until it is whole", () => {
  it("comes with its length and every byte when it has ended; a longer one is a failure, and its source let go", async () => {
    await fc.assert(
      fc.asyncProperty(arbChunks, fc.boolean(), fc.boolean(), async (chunks, known, fails) => {
        const content = Buffer.concat(chunks);
        const source = new PushBody(known ? content.length : undefined);
        const below: HttpService = service(async () => new HttpResponse(200, new Headers(), source));
        let rep: HttpResponse | undefined;
        let code: string | undefined;
        const done = new Stack([aggregatedResponses], () => below)
          .make(params)
          .call(post(new PushBody(0)), new Ctx())
          .then(
            (answer) => {
              rep = answer;
            },
            (error: { code: string }) => {
              code = error.code;
            },
          );
        await settle();
        for (const chunk of chunks) source.push(chunk);
        await settle();
        expect(rep).toBeUndefined();
        if (fails) source.fail(testError("broken"));
        else source.end();
        await done;
        if (content.length > maxBytes) {
          expect(code).toBe("WEFT_PROTOCOL_BODY_TOO_LONG");
          expect(source.stopped).toBeDefined();
        } else if (fails) expect(rep).toBeUndefined();
        else {
          const held = (rep as unknown as HttpResponse).body;
          expect(held.length).toBe(content.length);
          expect(RecordingSink.of(held).content().equals(content)).toBe(true);
        }
      }),
    );
  });
});
