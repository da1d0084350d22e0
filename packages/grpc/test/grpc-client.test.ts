import {
  type ClientDuplexStream,
  type ClientReadableStream,
  Metadata,
  type ServiceError,
  type StatusObject,
  status,
} from "@grpc/grpc-js";
import { constant } from "@weftmesh/backoff";
import { BalancerParam, DestParam, peakEwma } from "@weftmesh/balancer";
import { ClockParam, Params, RngParam, systemClock, Var } from "@weftmesh/core";
import {
  consecutiveFailures,
  EjectionListenerParam,
  FailureAccrualParam,
  none as noAccrual,
} from "@weftmesh/failure-accrual";
import { type Address, boundAddr } from "@weftmesh/naming";
import { RetryBudgetParam } from "@weftmesh/retries";
import { MetricsRegistry, metricsJson, StatsParam } from "@weftmesh/telemetry";
import { eventually, seededRng } from "@weftmesh/testkit";
import { RequestAttemptTimeoutMs, TotalTimeoutMs } from "@weftmesh/timeout";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { type AnyMessage, type GrpcClient, grpcClient } from "../src/index.ts";
import { EchoServer, echoOver, type Said, said, say, statusError } from "./support/echo.ts";

const open: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function server(...args: Parameters<typeof EchoServer.start>): Promise<EchoServer> {
  const started = await EchoServer.start(...args);
  open.push(() => started.stop());
  return started;
}

function mesh(addresses: readonly Address[], params: (base: Params) => Params = (base) => base): GrpcClient {
  const base = Params.empty
    .with(ClockParam, systemClock)
    .with(RngParam, seededRng(1))
    .with(DestParam, Var.of(boundAddr(addresses)));
  const made = grpcClient(params(base));
  open.push(() => made.close());
  return made;
}

describe("a client of grpc-js over the mesh", () => {
  it("makes unary calls", async () => {
    const one = await server();
    const client = echoOver(mesh([one.address]));
    expect(await say(client, "hello")).toMatchObject({ error: undefined, message: { text: "hello" } });
  });

  it("streams what the client sends", async () => {
    const one = await server();
    const client = echoOver(mesh([one.address]));
    const answer = await new Promise<Said>((resolve, reject) => {
      const call = client["join"]?.((error: Error | null, message: AnyMessage) =>
        error === null ? resolve(said(message)) : reject(error),
      );
      for (let i = 0; i < 100; i++) call.write({ text: String(i) });
      call.end();
    });
    expect(answer.count).toBe(100);
    expect(answer.text.endsWith("98 99")).toBe(true);
  });

  it("streams what the server sends", async () => {
    const one = await server();
    const client = echoOver(mesh([one.address]));
    const call: ClientReadableStream<AnyMessage> = client["repeat"]?.({ text: "x", count: 100 });
    const counts: number[] = [];
    for await (const each of call) counts.push(said(each as AnyMessage).count);
    expect(counts).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it("streams both ways at once", async () => {
    const one = await server();
    const client = echoOver(mesh([one.address]));
    const call: ClientDuplexStream<AnyMessage, AnyMessage> = client["chat"]?.();
    const heard: string[] = [];
    call.on("data", (each: AnyMessage) => {
      heard.push(said(each).text);
      if (heard.length < 5) call.write({ text: `${heard.length}` });
      else call.end();
    });
    call.write({ text: "0" });
    await new Promise((resolve) => call.on("status", resolve));
    expect(heard).toEqual(["0", "1", "2", "3", "4"]);
  });

  it("ends a stream with no messages either way", async () => {
    const one = await server();
    const client = echoOver(mesh([one.address]));
    const call: ClientDuplexStream<AnyMessage, AnyMessage> = client["chat"]?.();
    const heard: AnyMessage[] = [];
    call.on("data", (each: AnyMessage) => heard.push(each));
    call.end();
    const ended = await new Promise<StatusObject>((resolve) => call.on("status", resolve));
    expect(ended.code).toBe(status.OK);
    expect(heard).toEqual([]);
  });

  it("carries metadata both ways, text and bytes", async () => {
    const seen: Metadata[] = [];
    const one = await server({
      say: (call, reply) => {
        seen.push(call.metadata);
        const initial = new Metadata();
        initial.set("x-initial", "first");
        call.sendMetadata(initial);
        const trailing = new Metadata();
        trailing.set("x-last-bin", Buffer.from([0xab, 0, 0xff]));
        reply(null, { text: "ok" }, trailing);
      },
    });
    const metadata = new Metadata();
    metadata.set("x-text", "of the client");
    metadata.set("x-bytes-bin", Buffer.from([1, 0, 255]));
    const ended = await say(echoOver(mesh([one.address])), "x", { metadata });
    expect(ended.initial?.get("x-initial")).toEqual(["first"]);
    expect(ended.trailers?.get("x-last-bin")).toEqual([Buffer.from([0xab, 0, 0xff])]);
    expect(seen[0]?.get("x-text")).toEqual(["of the client"]);
    expect(seen[0]?.get("x-bytes-bin")).toEqual([Buffer.from([1, 0, 255])]);
    expect(seen[0]?.get("grpc-previous-rpc-attempts")).toEqual([]);
  });

  it("gives the server's status, message and trailers to the caller", async () => {
    const trailers = new Metadata();
    trailers.set("x-why", "because");
    const one = await server({
      say: (_call, reply) => reply(statusError(status.NOT_FOUND, "no \u00e4nt\n", trailers)),
    });
    const { error } = await say(echoOver(mesh([one.address])), "x");
    expect(error).toMatchObject({ code: status.NOT_FOUND, details: "no \u00e4nt\n" });
    expect(error?.metadata.get("x-why")).toEqual(["because"]);
    expect(one.calls).toBe(1);
  });

  it("gives the status of a stream behind its messages", async () => {
    const one = await server({
      repeat: (call) => {
        for (let i = 0; i < 40; i++) call.write({ count: i });
        call.emit("error", statusError(status.DATA_LOSS, "the rest is gone"));
      },
    });
    const call: ClientReadableStream<AnyMessage> = echoOver(mesh([one.address]))["repeat"]?.({});
    const ended = new Promise<Error>((resolve) => call.on("error", resolve));
    call.on("data", () => {});
    expect(await ended).toMatchObject({ code: status.DATA_LOSS, details: "the rest is gone" });
  });

  it("tells a server of the deadline, and keeps it", async () => {
    const deadlines: number[] = [];
    const cancelled: boolean[] = [];
    const one = await server({
      say: (call) => {
        deadlines.push(Number(call.getDeadline()) - Date.now());
        call.on("cancelled", () => cancelled.push(true));
      },
    });
    const client = echoOver(mesh([one.address]));
    await connect(client);
    const { error } = await say(client, "x", { deadline: Date.now() + 1000 });
    expect(error?.code).toBe(status.DEADLINE_EXCEEDED);
    expect(deadlines[0]).toBeGreaterThan(0);
    expect(deadlines[0]).toBeLessThanOrEqual(1001);
    await eventually("the server hears of it", () => cancelled.length === 1);
    expect(one.calls).toBe(2);
  });

  it("does not send what is too late already", async () => {
    const one = await server();
    const { error } = await say(echoOver(mesh([one.address])), "x", { deadline: Date.now() - 10 });
    expect(error?.code).toBe(status.DEADLINE_EXCEEDED);
    expect(one.calls).toBe(0);
  });

  it("keeps the deadline of a stream to its end, and no timeout of the head", async () => {
    const deadlines: number[] = [];
    const one = await server({
      repeat: (call) => {
        deadlines.push(Number(call.getDeadline()) - Date.now());
        call.write({ count: 1 });
      },
    });
    const client = echoOver(
      mesh([one.address], (base) => base.with(RequestAttemptTimeoutMs, 800).with(TotalTimeoutMs, 1000)),
    );
    await connect(client);
    const call: ClientReadableStream<AnyMessage> = client["repeat"]?.({}, { deadline: Date.now() + 2500 });
    const startedMs = systemClock.now();
    const ended = new Promise<StatusObject>((resolve) => call.on("status", resolve));
    call.on("error", () => {});
    call.on("data", () => {});
    expect((await ended).code).toBe(status.DEADLINE_EXCEEDED);
    expect(systemClock.now() - startedMs).toBeGreaterThan(2000);
    expect(deadlines[0]).toBeGreaterThan(1000);
  });

  it("cancels at the server what its caller cancels, before and after the head", async () => {
    let cancelled = 0;
    const one = await server({
      say: (call) => call.on("cancelled", () => cancelled++),
      repeat: (call) => {
        call.write({ count: 1 });
        call.on("cancelled", () => cancelled++);
      },
    });
    const client = echoOver(mesh([one.address]));
    const unary = client["say"]?.({}, () => {});
    const unaryEnd = new Promise<StatusObject>((resolve) => unary.on("status", resolve));
    await eventually("the server has the call", () => one.calls === 1);
    unary.cancel();
    expect((await unaryEnd).code).toBe(status.CANCELLED);
    const call: ClientReadableStream<AnyMessage> = client["repeat"]?.({});
    const streamEnd = new Promise<StatusObject>((resolve) => call.on("status", resolve));
    call.on("error", () => {});
    call.once("data", () => call.cancel());
    expect((await streamEnd).code).toBe(status.CANCELLED);
    await eventually("the server hears of both", () => cancelled === 2);
  });

  it("never sends a call that is cancelled at once", async () => {
    const one = await server();
    const client = echoOver(mesh([one.address]));
    const call = client["join"]?.(() => {});
    const ended = new Promise<StatusObject>((resolve) => call.on("status", resolve));
    call.cancel();
    expect((await ended).code).toBe(status.CANCELLED);
    expect(one.calls).toBe(0);
  });

  it("ends a call with INTERNAL whose message cannot be serialized", async () => {
    const one = await server();
    const client = echoOver(mesh([one.address]));
    const error = await new Promise<ServiceError>((resolve) => client["say"]?.({ count: 1.5 }, resolve));
    expect(error.code).toBe(status.INTERNAL);
    expect(error.details).toContain("cannot be serialized");
    expect(one.calls).toBe(0);
  });

  it("takes deadline and cancellation over from a call for which it is made", async () => {
    let innerCancelled = 0;
    const deadlines: number[] = [];
    const inner = await server({
      say: (call) => {
        deadlines.push(Number(call.getDeadline()) - Date.now());
        call.on("cancelled", () => innerCancelled++);
      },
    });
    const toInner = echoOver(mesh([inner.address]));
    const outer = await server({ say: (call) => toInner["say"]?.({}, { parent: call }, () => {}) });
    const client = echoOver(mesh([outer.address]));
    const call = client["say"]?.({}, { deadline: Date.now() + 20_000 }, () => {});
    await eventually("the inner server has the call", () => inner.calls === 1);
    expect(deadlines[0]).toBeLessThanOrEqual(20_000);
    call.cancel();
    await eventually("the inner server hears that the outermost caller left", () => innerCancelled === 1);
  });

  it("ends at once what is made for a call that is over", async () => {
    const inner = await server();
    const toInner = echoOver(mesh([inner.address]));
    const codes: (number | undefined)[] = [];
    const outer = await server({
      say: (call) => {
        call.on("cancelled", () => {
          toInner["say"]?.({}, { parent: call }, (error: ServiceError | null) => codes.push(error?.code));
        });
      },
    });
    const call = echoOver(mesh([outer.address]))["say"]?.({}, () => {});
    await eventually("the outer server has the call", () => outer.calls === 1);
    call.cancel();
    await eventually("the inner call is over", () => codes.length === 1);
    expect(codes).toEqual([status.CANCELLED]);
    expect(inner.calls).toBe(0);
  });

  it("passes any metadata on as it is", async () => {
    const seen: Metadata[] = [];
    const one = await server({
      say: (call, reply) => {
        seen.push(call.metadata);
        const back = new Metadata();
        for (const key of Object.keys(call.metadata.getMap())) {
          if (key.startsWith("x-")) for (const value of call.metadata.get(key)) back.add(key, value);
        }
        reply(null, call.request, back);
      },
    });
    const client = echoOver(mesh([one.address]));
    const arbKey = fc.stringMatching(/^x-[a-z0-9_.-]{1,10}$/).filter((key) => !key.endsWith("-bin"));
    const arbText = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/).filter((text) => !text.includes(","));
    const arbBytes = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
    const arbPair = fc.oneof(
      fc.tuple(arbKey, arbText),
      fc.tuple(
        arbKey.map((key) => `${key}-bin`),
        arbBytes,
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(arbPair, { maxLength: 8, selector: ([key]) => key }), async (pairs) => {
        const metadata = new Metadata();
        for (const [key, value] of pairs) metadata.add(key, value);
        const { error, trailers } = await say(client, "x", { metadata });
        expect(error).toBeUndefined();
        for (const [key, value] of pairs) {
          expect(seen.at(-1)?.get(key)).toEqual([value]);
          expect(trailers?.get(key)).toEqual([value]);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe("a mesh client and servers that fail", () => {
  it("goes on without an error while one of two servers is killed", async () => {
    const [one, two] = [await server(), await server()];
    const client = echoOver(mesh([one.address, two.address]));
    for (let i = 0; i < 50; i++) expect((await say(client, "x")).error).toBeUndefined();
    expect(one.calls).toBeGreaterThan(5);
    expect(two.calls).toBeGreaterThan(5);
    one.stop();
    for (let i = 0; i < 100; i++) expect((await say(client, "x")).error).toBeUndefined();
    expect(two.calls).toBeGreaterThanOrEqual(110);
  });

  it("finds a server again that has come back", async () => {
    const [one, two] = [await server(), await server()];
    const client = echoOver(mesh([one.address, two.address]));
    await say(client, "x");
    one.stop();
    for (let i = 0; i < 20; i++) expect((await say(client, "x")).error).toBeUndefined();
    const again = await server({}, one.port);
    await eventuallyAsync("it gets calls again", async () => {
      expect((await say(client, "x")).error).toBeUndefined();
      return again.calls > 0;
    });
  });

  it("sends little to a server that is slow", async () => {
    const slow = await server({ say: (call, reply) => setTimeout(() => reply(null, call.request), 400) });
    const fast = await server();
    const client = echoOver(mesh([slow.address, fast.address], (base) => base.with(BalancerParam, peakEwma())));
    for (let i = 0; i < 100; i++) expect((await say(client, "x")).error).toBeUndefined();
    expect(slow.calls).toBeGreaterThanOrEqual(1);
    expect(slow.calls).toBeLessThanOrEqual(15);
  });

  it("takes out a server whose statuses are failures, and not one that says NOT_FOUND", async () => {
    const bad = await server({ say: (_call, reply) => reply(statusError(status.INTERNAL, "broken")) });
    const none = await server({ say: (_call, reply) => reply(statusError(status.NOT_FOUND, "none")) });
    const ejected: string[] = [];
    const client = echoOver(
      mesh([bad.address, none.address], (base) =>
        base
          .with(FailureAccrualParam, consecutiveFailures(3, constant(60_000)))
          .with(EjectionListenerParam, (event) => ejected.push(event.kind)),
      ),
    );
    for (let i = 0; i < 100; i++) await say(client, "x");
    expect(bad.calls).toBe(3);
    expect(none.calls).toBe(97);
    expect(ejected).toEqual(["ejected"]);
  });

  it("retries UNAVAILABLE within the budget and no more, and says so to the server", async () => {
    const attempts: string[] = [];
    const down = await server({
      say: (call, reply) => {
        attempts.push(String(call.metadata.get("grpc-previous-rpc-attempts")[0] ?? "0"));
        reply(statusError(status.UNAVAILABLE, "down"));
      },
    });
    const client = echoOver(
      mesh([down.address], (base) =>
        base.with(RetryBudgetParam, { minRetriesPerSec: 0, percentCanRetry: 0.2 }).with(FailureAccrualParam, noAccrual),
      ),
    );
    for (let i = 0; i < 100; i++) expect((await say(client, "x")).error?.code).toBe(status.UNAVAILABLE);
    expect(down.calls).toBe(120);
    expect(attempts.filter((each) => each === "0")).toHaveLength(100);
    expect(attempts.filter((each) => each === "1").length).toBeGreaterThan(0);
  });

  it("waits before a retry for as long as the server asks", async () => {
    const timesMs: number[] = [];
    const trailers = new Metadata();
    trailers.set("grpc-retry-pushback-ms", "80");
    const busy = await server({
      say: (call, reply) => {
        timesMs.push(systemClock.now());
        if (timesMs.length < 2) reply(statusError(status.UNAVAILABLE, "busy", trailers));
        else reply(null, call.request);
      },
    });
    expect((await say(echoOver(mesh([busy.address])), "x")).error).toBeUndefined();
    expect((timesMs[1] ?? 0) - (timesMs[0] ?? 0)).toBeGreaterThanOrEqual(79);
  });

  it("sends the messages of a stream again, and ends it when they are too long to be kept", async () => {
    let refusals = 1;
    const one = await server({
      chat: (call) => {
        let bytes = 0;
        call.on("data", (each: AnyMessage) => {
          bytes += said(each).text.length;
        });
        call.on("end", () => {
          if (refusals-- > 0) call.emit("error", statusError(status.UNAVAILABLE, "not now"));
          else {
            call.write({ count: bytes });
            call.end();
          }
        });
      },
    });
    const client = echoOver(mesh([one.address]));
    const sum = (texts: readonly string[]): Promise<{ code: number; count: number }> =>
      new Promise((resolve) => {
        const call: ClientDuplexStream<AnyMessage, AnyMessage> = client["chat"]?.();
        let count = -1;
        call.on("data", (each: AnyMessage) => {
          count = said(each).count;
        });
        call.on("error", () => {});
        call.on("status", ({ code }: StatusObject) => resolve({ code, count }));
        for (const text of texts) call.write({ text });
        call.end();
      });
    expect(await sum(["a".repeat(1000), "b".repeat(2000)])).toEqual({ code: status.OK, count: 3000 });
    expect(one.calls).toBe(2);
    refusals = 1;
    expect(await sum(["a".repeat(60_000), "b".repeat(60_000)])).toEqual({ code: status.UNAVAILABLE, count: -1 });
    expect(one.calls).toBe(3);
  });

  it("looks for another server without telling it of those that could not be reached", async () => {
    const told: unknown[] = [];
    const gone = await server();
    gone.stop();
    const one = await server({
      say: (call, reply) => {
        told.push(...call.metadata.get("grpc-previous-rpc-attempts"));
        reply(null, call.request);
      },
    });
    const client = echoOver(mesh([gone.address, one.address], (base) => base.with(FailureAccrualParam, noAccrual)));
    for (let i = 0; i < 20; i++) expect((await say(client, "x")).error).toBeUndefined();
    expect(one.calls).toBe(20);
    expect(told).toEqual([]);
  });

  it("fails at once when nobody listens, having sent nothing", async () => {
    const gone = await server();
    gone.stop();
    const { error } = await say(echoOver(mesh([gone.address])), "x");
    expect(error?.code).toBe(status.UNAVAILABLE);
    expect(error?.details).toContain(`no connection to 127.0.0.1:${gone.port}`);
  });

  it("waits for a server that is not there yet when the call asks for that", async () => {
    const gone = await server();
    gone.stop();
    const client = echoOver(mesh([gone.address]));
    const metadata = new Metadata({ waitForReady: true });
    const answer = say(client, "x", { metadata, deadline: Date.now() + 20_000 });
    await say(client, "x");
    await server({}, gone.port);
    expect((await answer).error).toBeUndefined();
  });

  it("counts calls and attempts by the status that they ended with", async () => {
    const metrics = new MetricsRegistry();
    let answers = 0;
    const one = await server({
      say: (call, reply) => {
        answers++;
        if (answers === 1) reply(statusError(status.UNAVAILABLE, "again"));
        else if (answers === 2) reply(null, call.request);
        else reply(statusError(status.INTERNAL, "broken"));
      },
    });
    const client = echoOver(mesh([one.address], (base) => base.with(StatsParam, metrics.scope("rt"))));
    await say(client, "x");
    await say(client, "x");
    const { body } = metricsJson(metrics, new URLSearchParams());
    const values = JSON.parse(body) as Record<string, number>;
    // Path and client have one scope here: two calls in three attempts.
    expect(values).toMatchObject({
      "rt/requests": 5,
      "rt/success": 2,
      "rt/failures": 3,
      "rt/failures/WEFT_GRPC_INTERNAL": 2,
      "rt/failures/WEFT_GRPC_UNAVAILABLE": 1,
      "rt/retries/total": 1,
    });
  });

  it("is not closed before its calls are over, and takes none after that", async () => {
    let release: (() => void) | undefined;
    const one = await server({
      say: (call, reply) => {
        release = () => reply(null, call.request);
      },
    });
    const made = mesh([one.address]);
    const client = echoOver(made);
    const answer = say(client, "last");
    await eventually("the server has the call", () => release !== undefined);
    const closed = made.close();
    release?.();
    expect((await answer).message?.text).toBe("last");
    await closed;
    expect((await say(client, "late")).error?.code).toBe(status.UNAVAILABLE);
  });
});

/** So that what is measured afterwards is a call and no connection. */
async function connect(client: ReturnType<typeof echoOver>): Promise<void> {
  const call: ClientDuplexStream<AnyMessage, AnyMessage> = client["chat"]?.();
  call.resume();
  call.end();
  await new Promise((resolve) => call.on("status", resolve));
}

async function eventuallyAsync(what: string, condition: () => Promise<boolean>): Promise<void> {
  const untilMs = systemClock.now() + 15_000;
  while (!(await condition())) if (systemClock.now() > untilMs) throw new Error(`waited in vain until ${what}`);
}
