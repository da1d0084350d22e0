import { type ClosedError, Ctx, hasFlag, ok } from "@weftmesh/core";
import { Pool } from "@weftmesh/pool";
import { ManualClock, settle } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeFactory } from "./fake-sessions.ts";

interface Endpoint {
  readonly factory: FakeFactory;
  readonly pool: Pool<string, string>;
  closed: boolean;
}

const maxSize = 2;

/** A client whose one endpoint is replaced while it works, and which requeues what may be sent again. */
class Client {
  readonly endpoints: Endpoint[] = [];
  readonly codes: string[] = [];
  answered = 0;
  requeued = 0;
  readonly #open = new Set<Ctx>();

  constructor() {
    this.replace();
  }

  get current(): Endpoint {
    return this.endpoints.at(-1) as Endpoint;
  }

  /** Discovery says another address: the old endpoint is closed, whatever it is doing. */
  replace(): void {
    const old = this.endpoints.at(-1);
    const factory = new FakeFactory();
    this.endpoints.push({ factory, pool: new Pool(factory, { maxSize, clock: new ManualClock() }), closed: false });
    void old?.pool.close().then(() => {
      old.closed = true;
    });
  }

  call(req: string): void {
    const ctx = new Ctx();
    this.#open.add(ctx);
    this.current.pool.call(req, ctx).then(
      () => {
        this.answered++;
        this.#open.delete(ctx);
        ctx.end(ok);
      },
      (error: Error) => {
        this.#open.delete(ctx);
        ctx.end({ kind: "failed", error });
        this.codes.push((error as ClosedError).code);
        if (!hasFlag(error, "retryable")) return;
        this.requeued++;
        this.call(req);
      },
    );
  }

  check(): void {
    for (const { pool, factory } of this.endpoints) {
      expect(pool.size).toBeLessThanOrEqual(maxSize);
      expect(factory.sessions.filter((each) => each.status === "open").length).toBeLessThanOrEqual(maxSize);
      for (const session of factory.sessions) expect(session.misused).toEqual([]);
    }
    // A pool that is closed begins nothing: what it still has are the calls that had a session or a connect before.
    for (const { pool } of this.endpoints.slice(0, -1)) expect([pool.status, pool.waiters]).toEqual(["closed", 0]);
  }
}

type Op = { readonly op: "call" | "replace" | "open" | "answer" | "answerOld"; readonly i: number };

describe("a full pool whose endpoint is replaced under load", () => {
  it("fails nothing but what waited, with an error that sends it to the new one, where it is answered", async () => {
    const arbOps: fc.Arbitrary<Op[]> = fc.array(
      fc.record({
        op: fc.constantFrom("call", "call", "call", "open", "open", "answer", "answerOld", "replace") as fc.Arbitrary<
          Op["op"]
        >,
        i: fc.nat(3),
      }),
      { minLength: 5, maxLength: 60, size: "max" },
    );
    await fc.assert(
      fc.asyncProperty(arbOps, async (ops) => {
        const client = new Client();
        let calls = 0;
        for (const { op, i } of ops) {
          if (op === "call") client.call(`r${calls++}`);
          else if (op === "replace") {
            const { waiters } = client.current.pool;
            const { requeued } = client;
            client.replace();
            await settle();
            expect(client.requeued - requeued).toBe(waiters);
          } else {
            const of = op === "answerOld" ? client.endpoints.slice(0, -1) : [client.current];
            const openings = of.flatMap(({ factory }) => factory.openings.filter((each) => !each.done));
            const used = of.flatMap(({ factory }) => factory.sessions.filter((each) => each.inUse));
            if (op === "open") openings[i % openings.length]?.succeed();
            else used[i % used.length]?.answer();
          }
          await settle();
          client.check();
        }
        // All connects come to be, and all sessions answer.
        for (let round = 0; round < 200 && client.answered < calls; round++) {
          for (const { factory } of client.endpoints) {
            for (const each of factory.openings) if (!each.done) each.succeed();
            for (const each of factory.sessions) if (each.inUse) each.answer();
          }
          await settle();
          client.check();
        }
        expect(client.answered).toBe(calls);
        expect(client.codes.filter((code) => code !== "WEFT_CLOSED")).toEqual([]);
        expect(client.endpoints.map((each) => each.closed)).toEqual(
          client.endpoints.map((_, i, all) => i < all.length - 1),
        );
        for (const { factory } of client.endpoints.slice(0, -1)) {
          expect(factory.closes).toBe(1);
          for (const session of factory.sessions) expect(session.closes).toBe(1);
        }
      }),
    );
  }, 60_000);
});
