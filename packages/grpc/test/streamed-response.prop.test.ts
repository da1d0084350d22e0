import { Duplex } from "node:stream";
import { type ClientDuplexStream, Metadata, type StatusObject, status } from "@grpc/grpc-js";
import { CancelledError, Ctx, type Outcome } from "@weftmesh/core";
import { settle } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StreamedResponse } from "../src/streamed-response.ts";

/** A call of grpc-js as far as an answer sees it. */
class FakeCall extends Duplex {
  cancels = 0;

  constructor() {
    super({ objectMode: true });
  }

  override _read(): void {}

  cancel(): void {
    this.cancels++;
  }

  getPeer(): string {
    return "here";
  }
}

type Step = "push" | "read" | "turn" | "finish" | "fail" | "giveUp";
const arbSteps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<Step>("push", "read", "turn") },
    { weight: 1, arbitrary: fc.constantFrom<Step>("finish", "fail", "giveUp") },
  ),
  { maxLength: 40 },
);

describe("a streamed answer", () => {
  it("gives each message once, in order, one for each read, and the status behind the last", async () => {
    await fc.assert(
      fc.asyncProperty(arbSteps, async (steps) => {
        const call = new FakeCall();
        const rep = new StreamedResponse(new Metadata(), call as unknown as ClientDuplexStream<Buffer, Buffer>);
        call.on("readable", () => rep.deliver());
        const ctx = new Ctx();
        const outcomes: Outcome[] = [];
        ctx.observe({ onEnd: (_ctx, outcome) => outcomes.push(outcome) });
        rep.endWith(ctx);
        const heard: number[] = [];
        const statuses: StatusObject[] = [];
        let reads = 0;
        let pushed = 0;
        let last: StatusObject | undefined;
        let gaveUp = false;
        rep.receive({
          onMessage: (bytes) => {
            expect(statuses).toEqual([]);
            expect(gaveUp).toBe(false);
            heard.push(bytes[0] ?? -1);
          },
          onStatus: (ended) => statuses.push(ended),
        });
        const finish = (code: status): void => {
          if (last !== undefined) return;
          last = { code, details: "", metadata: new Metadata() };
          call.push(null);
          rep.finished(last);
        };
        const check = (): void => {
          expect(heard).toEqual(heard.map((_each, i) => i));
          expect(heard.length).toBeLessThanOrEqual(Math.min(reads, pushed));
          expect(outcomes).toHaveLength(statuses.length);
          if (statuses.length > 0 && !gaveUp) expect(heard).toHaveLength(pushed);
          expect(call.cancels).toBe(gaveUp ? 1 : 0);
        };
        for (const step of steps) {
          if (step === "push" && last === undefined) call.push(Buffer.from([pushed++]));
          else if (step === "read") {
            reads++;
            rep.read();
          } else if (step === "turn") await settle();
          else if (step === "finish") finish(status.OK);
          else if (step === "fail") finish(status.DATA_LOSS);
          else if (step === "giveUp" && rep.status === undefined) {
            gaveUp = true;
            rep.giveUp(new CancelledError());
          }
          check();
        }
        finish(status.OK);
        while (heard.length < pushed && !gaveUp) {
          reads++;
          rep.read();
          await settle();
          check();
        }
        await settle();
        check();
        expect(statuses).toHaveLength(1);
        expect(statuses[0]?.code).toBe(gaveUp ? status.CANCELLED : last?.code);
        expect(outcomes[0]?.kind).toBe(!gaveUp && last?.code === status.OK ? "ok" : "failed");
      }),
    );
  });
});
