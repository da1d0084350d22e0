import { OverloadedError } from "@weftmesh/admission";
import { BindingFailedError, BindingTimeoutError, NoBindingError } from "@weftmesh/binding";
import { CancelledError, Ctx, Var, WeftError } from "@weftmesh/core";
import { collectBody, Headers, HttpRequest, type HttpResponse } from "@weftmesh/http";
import { address, boundAddr, Dtab, Path } from "@weftmesh/naming";
import { TotalTimeoutError } from "@weftmesh/timeout";
import { describe, expect, it } from "vitest";
import { BoundKey, DstKey } from "../src/call-context.ts";
import { type ErrorResponderOptions, newErrorResponder } from "../src/error-responder.ts";
import { CallDepthError, UnidentifiedError } from "../src/errors.ts";
import { request } from "./message.ts";

const baseDtab = Dtab.read("/svc => /#/io.l5d.fs ; /svc/a => /x | /y");

interface Told {
  readonly response: HttpResponse;
  readonly body: string;
  readonly logged: readonly string[];
}

async function answer(
  error: Error,
  given: { readonly ctx?: Ctx; readonly req?: HttpRequest; readonly options?: Partial<ErrorResponderOptions> } = {},
): Promise<Told> {
  const logged: string[] = [];
  const respond = newErrorResponder({
    baseDtab,
    maxBodyBytes: 5_000_000,
    maxHeaderBytes: 8192,
    log: (message) => logged.push(message),
    ...given.options,
  });
  const response = respond(error, given.req ?? request(), given.ctx ?? new Ctx());
  const body = (await collectBody(response.body, 10_000_000)).toString();
  expect(response.headers.get("content-length")).toBe(String(Buffer.byteLength(body)));
  return { response, body, logged };
}

describe("the error responder", () => {
  it("answers 400 to what is wrong with the request's name or path, with the message in body and header", async () => {
    for (const error of [new UnidentifiedError('Request("GET /")', "no host"), new CallDepthError(5)]) {
      const { response, body, logged } = await answer(error);
      expect(response.status).toBe(400);
      expect(body).toBe(error.message);
      expect(response.headers.get("content-type")).toBe("text/plain");
      expect(response.headers.get("l5d-err")).not.toContain(" ");
      expect(response.headers.has("l5d-retryable")).toBe(false);
      expect(logged).toEqual([]);
    }
  });

  it("answers 502 with the name and the rules when there is no route", async () => {
    const local = Dtab.read("/svc/a => !");
    const ctx = new Ctx().set(DstKey, { path: Path.read("/svc/a"), local });
    const { response, body } = await answer(new NoBindingError(Path.read("/svc/a"), baseDtab, local), { ctx });
    expect(response.status).toBe(502);
    expect(body).toBe(
      "Unable to route request!\n\nservice name: /svc/a\ndtab:\n\nbase dtab:\n  /svc => /#/io.l5d.fs\n  /svc/a => /x | /y\n\noverride dtab:\n  /svc/a => !\n\n",
    );
  });

  it("answers 502 with the endpoint and its peers when no connection is made, and says that it is safe to retry", async () => {
    class Refused extends WeftError {
      readonly host = "10.0.0.1";
      readonly port = 80;
    }
    const addr = Var.of(boundAddr([address("10.0.0.1", 80), address("::1", 81)]));
    const ctx = new Ctx()
      .set(DstKey, { path: Path.read("/svc/a"), local: undefined })
      .set(BoundKey, { id: Path.read("/#/io.l5d.fs/a"), residual: Path.empty, addr });
    const { response, body } = await answer(new Refused("WEFT_CONNECT_REFUSED", "no", { flags: ["retryable"] }), {
      ctx,
    });
    expect(response.status).toBe(502);
    expect(response.headers.get("l5d-retryable")).toBe("true");
    expect(body).toBe(
      "Unable to establish connection to 10.0.0.1:80.\n\nservice name: /svc/a\nclient name: /#/io.l5d.fs/a\naddresses: [10.0.0.1:80, [::1]:81]\nselected address: 10.0.0.1:80",
    );
  });

  it("answers 503 when a time limit ran out", async () => {
    const binding = await answer(new BindingTimeoutError(Path.read("/svc/a"), 10_000));
    expect(binding.response.status).toBe(503);
    expect(binding.body).toBe("Exceeded 10.seconds binding timeout while resolving name: /svc/a");
    expect((await answer(new TotalTimeoutError(100))).response.status).toBe(503);
  });

  it("refuses an overload in Finagle's words, and differently where the request cannot be sent again", async () => {
    const whole = await answer(new OverloadedError(1));
    expect(whole.response.status).toBe(503);
    expect(whole.response.headers.get("finagle-http-nack")).toBe("true");
    expect(whole.response.headers.get("retry-after")).toBe("0");
    expect(whole.body).toBe("Request was not processed by the server due to an error and is safe to retry");
    const streaming = { length: undefined, pipe: () => ({ resume: () => {}, stop: () => {} }) };
    const req = new HttpRequest("1.1", "POST", "http", "web", "/", new Headers(), streaming);
    const streamed = await answer(new OverloadedError(1), { req });
    expect(streamed.response.headers.has("finagle-http-nack")).toBe(false);
    expect(streamed.response.headers.get("finagle-http-nonretryable-nack")).toBe("true");
  });

  it("answers 502 to anything else, and logs that once", async () => {
    const { response, body, logged } = await answer(new Error("boom"));
    expect([response.status, body]).toEqual([502, "boom"]);
    expect(logged).toEqual(["service failure: Error: boom"]);
    expect((await answer(new TypeError(""))).body).toBe("TypeError");
  });

  it("says why a name could not be bound as whoever binds says it, and logs the whole", async () => {
    const { response, body, logged } = await answer(new BindingFailedError(Path.read("/svc/a"), new Error("boom")));
    expect([response.status, body]).toEqual([502, "boom"]);
    expect(logged).toEqual(["service failure: WEFT_BINDING_FAILED: binding failed for name: /svc/a: boom"]);
  });

  it("logs what an identifier threw, unless it is an error of the request", async () => {
    const fault = await answer(new UnidentifiedError("r", "oh", new TypeError("oh")));
    expect([fault.response.status, fault.logged]).toEqual([
      400,
      ["identification failed: Unknown destination: r / oh"],
    ]);
    const wrong = await answer(new UnidentifiedError("r", "oh", new CancelledError("oh")));
    expect(wrong.logged).toEqual([]);
  });

  it("keeps the message within the limits of body and header", async () => {
    const { response, body } = await answer(new CancelledError("x".repeat(100)), {
      options: { maxBodyBytes: 10, maxHeaderBytes: 5 },
    });
    expect(body).toBe("x".repeat(10));
    expect(response.headers.get("l5d-err")).toBe("xxxxx");
  });

  it("A59: escapes what a message may hold", async () => {
    const { response } = await answer(new UnidentifiedError("x\r\nSet-Cookie: a=b", "y"));
    expect(response.headers.get("l5d-err")).toContain("x%0D%0ASet-Cookie%3A+a%3Db");
    expect(response.headers.toLines().split("\r\n").length).toBe(4);
  });
});
