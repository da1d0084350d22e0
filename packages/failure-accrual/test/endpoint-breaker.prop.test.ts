import { type Classifier, ClassifierKey, Ctx, failed, ok, Params } from "@weftmesh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { consecutiveFailures, ProbeTimeoutMsParam } from "../src/index.ts";
import { listed } from "./backoffs.ts";
import { BreakerModel, type ModelCall, type Said } from "./breaker-model.ts";
import { broken, Endpoint, ignorable } from "./endpoint.ts";

const waitsMs = [100, 250, 400];
const probeTimeoutMs = 300;

/** Heads say what they are. */
const byName: Classifier = {
  name: "by name",
  classify: (_req, rep, error) =>
    error !== undefined ? "failure" : rep === "bad" ? "failure" : rep === "nothing" ? "ignorable" : "success",
};

interface Pair {
  readonly ctx: Ctx;
  readonly model: ModelCall;
}

/** A breaker, and the calls that a script has begun on it. */
class World {
  readonly endpoint: Endpoint;
  readonly calls: Pair[] = [];

  constructor(failures: number) {
    const params = Params.empty.with(ProbeTimeoutMsParam, probeTimeoutMs);
    this.endpoint = new Endpoint(consecutiveFailures(failures, listed(...waitsMs)), params);
  }

  check(model: BreakerModel): void {
    const { endpoint } = this;
    expect(endpoint.service.status).toBe(model.status);
    const { removals, revivals, probes, removedForMs } = model;
    expect(endpoint.counters).toEqual({ removals, revivals, probes, removedForMs, refused: 0 });
    expect(endpoint.kinds).toEqual(model.turns);
    expect(endpoint.clock.armed).toBe(model.dueMs === Number.POSITIVE_INFINITY ? 0 : 1);
    // Each outage that began has ended, save perhaps the last.
    expect(removals - revivals).toBe(model.state === "alive" ? 0 : 1);
    // Every call went through: nobody is ever refused.
    expect(endpoint.passed).toHaveLength(this.calls.length);
  }
}

type Command = fc.AsyncCommand<BreakerModel, World>;

abstract class OnCall implements Command {
  readonly i: number;

  constructor(i: number) {
    this.i = i;
  }

  check(): boolean {
    return true;
  }

  abstract on(call: Pair, model: BreakerModel): void;

  async run(model: BreakerModel, world: World): Promise<void> {
    // The newest calls are named most often.
    const call = world.calls.at(-1 - (this.i % Math.max(world.calls.length, 1)));
    if (call !== undefined) this.on(call, model);
    world.check(model);
  }
}

class Begin implements Command {
  readonly throws: boolean;

  constructor(throws: boolean) {
    this.throws = throws;
  }

  check(): boolean {
    return true;
  }

  async run(model: BreakerModel, world: World): Promise<void> {
    const { endpoint } = world;
    endpoint.throws = this.throws;
    const call: Pair = { ctx: new Ctx().set(ClassifierKey, byName), model: model.begin() };
    world.calls.push(call);
    endpoint.begin("req", call.ctx);
    if (this.throws) {
      call.ctx.end(failed(broken));
      model.end(call.model, "bad");
    }
    world.check(model);
  }

  toString(): string {
    return this.throws ? "acquisition fails" : "begin";
  }
}

class Head extends OnCall {
  readonly said: Said;

  constructor(i: number, said: Said) {
    super(i);
    this.said = said;
  }

  override on(call: Pair, model: BreakerModel): void {
    call.ctx.respond(this.said);
    model.head(call.model, this.said);
  }

  override toString(): string {
    return `head(${this.i}, ${this.said})`;
  }
}

class End extends OnCall {
  readonly said: Said;

  constructor(i: number, said: Said) {
    super(i);
    this.said = said;
  }

  override on(call: Pair, model: BreakerModel): void {
    call.ctx.end(this.said === "good" ? ok : failed(this.said === "bad" ? broken : ignorable));
    model.end(call.model, this.said);
  }

  override toString(): string {
    return `end(${this.i}, ${this.said})`;
  }
}

class Advance implements Command {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }

  check(): boolean {
    return true;
  }

  async run(model: BreakerModel, world: World): Promise<void> {
    await world.endpoint.clock.advance(this.ms);
    model.advance(this.ms);
    world.check(model);
  }

  toString(): string {
    return `advance(${this.ms})`;
  }
}

const arbSaid = fc.constantFrom<Said>("good", "bad", "bad", "nothing");
const arbCommands = fc.commands(
  [
    fc.constant(new Begin(false)),
    fc.constant(new Begin(false)),
    fc.constant(new Begin(true)),
    fc.record({ i: fc.nat(3), said: arbSaid }).map(({ i, said }) => new Head(i, said)),
    fc.record({ i: fc.nat(3), said: arbSaid }).map(({ i, said }) => new End(i, said)),
    fc.record({ i: fc.nat(3), said: arbSaid }).map(({ i, said }) => new End(i, said)),
    fc.constantFrom(1, 99, 100, 101, 250, 299, 300, 301, 400, 300_000).map((ms) => new Advance(ms)),
  ],
  { maxCommands: 60, size: "max" },
);
const arbFailures = fc.integer({ min: 1, max: 3 });

async function play(failures: number, commands: Iterable<Command>): Promise<{ model: BreakerModel; world: World }> {
  const model = new BreakerModel({ failures, waitsMs, probeTimeoutMs });
  const world = new World(failures);
  await fc.asyncModelRun(() => ({ model, real: world }), commands);
  return { model, world };
}

describe("a breaker", () => {
  it("goes through its states as the model does, with the status, counters, events and timers of the model", async () => {
    await fc.assert(
      fc.asyncProperty(arbFailures, arbCommands, async (failures, commands) => {
        await play(failures, commands);
      }),
    );
  });

  it("is alive after time and one good call, from whatever state a script has left it in", async () => {
    await fc.assert(
      fc.asyncProperty(arbFailures, arbCommands, async (failures, commands) => {
        const { model, world } = await play(failures, commands);
        const { endpoint } = world;
        // The probe that is out may hang for as long as it may, and the wait after it may be the longest.
        await endpoint.clock.advance(probeTimeoutMs + 300_000);
        endpoint.throws = false;
        expect(endpoint.service.status).toBe("open");
        endpoint.succeed();
        expect(endpoint.service.status).toBe("open");
        const { removals, revivals } = endpoint.counters;
        expect(removals).toBe(revivals);
        expect(endpoint.clock.armed).toBe(0);
        expect(model.removals).toBe(removals);
      }),
    );
  });

  it("lets at most one call through each time it opens, to callers that heed its status", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbFailures,
        fc.array(
          fc.record({
            burst: fc.integer({ min: 1, max: 5 }),
            said: fc.constantFrom<Said>("bad", "nothing"),
            waitMs: fc.constantFrom(0, 50, 100, 250, 400, 300_000),
          }),
          { maxLength: 15, size: "max" },
        ),
        async (failures, rounds) => {
          const { endpoint } = new World(failures);
          endpoint.failTimes(failures);
          let openings = 0;
          for (const { burst, said, waitMs } of rounds) {
            await endpoint.clock.advance(waitMs);
            if (endpoint.service.status === "open") openings++;
            const let_: Ctx[] = [];
            for (let i = 0; i < burst; i++) if (endpoint.service.status === "open") let_.push(endpoint.begin());
            expect(let_.length).toBeLessThanOrEqual(1);
            expect(endpoint.service.status).toBe("busy");
            for (const ctx of let_) ctx.end(failed(said === "bad" ? broken : ignorable));
          }
          expect(endpoint.counters.probes).toBe(openings);
          expect(endpoint.passed).toHaveLength(failures + openings);
        },
      ),
    );
  });

  it("is out for its backoff's waits, one after the other, until a revival begins them anew", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 4 }), async (outages) => {
        const { endpoint } = new World(1);
        for (const probesThatFail of outages) {
          endpoint.events.length = 0;
          endpoint.fail();
          for (let i = 0; i <= probesThatFail; i++) {
            const waitMs = waitsMs[i] ?? 300_000;
            await endpoint.clock.advance(waitMs - 1);
            expect(endpoint.service.status).toBe("busy");
            await endpoint.clock.advance(1);
            expect(endpoint.service.status).toBe("open");
            if (i < probesThatFail) endpoint.fail();
          }
          endpoint.succeed();
          const forMs = endpoint.events.filter((event) => event.kind !== "revived").map((event) => event.forMs);
          expect(forMs).toEqual(Array.from({ length: probesThatFail + 1 }, (_, i) => waitsMs[i] ?? 300_000));
          // A revival tells how long the endpoint was out in all.
          expect(endpoint.events.at(-1)?.forMs).toBe(forMs.reduce((a, b) => a + b, 0));
        }
      }),
    );
  });

  it("is moved by no call that counts for nothing, however it says so", async () => {
    const arbEvent = fc.constantFrom("fail", "succeed", "ignorable error", "ignorable head", "given up");
    await fc.assert(
      fc.asyncProperty(fc.array(arbEvent, { maxLength: 40, size: "max" }), async (events) => {
        const { endpoint: all } = new World(3);
        const { endpoint: counting } = new World(3);
        for (const event of events) {
          if (event === "fail") {
            all.fail();
            counting.fail();
          } else if (event === "succeed") {
            all.succeed();
            counting.succeed();
          } else if (event === "ignorable error") all.fail(ignorable);
          else {
            const ctx = all.begin("req", new Ctx().set(ClassifierKey, byName));
            if (event === "ignorable head") ctx.respond("nothing");
            else ctx.cancel(broken);
            ctx.end(event === "given up" ? failed(broken) : ok);
          }
          expect(all.service.status).toBe(counting.service.status);
          expect(all.events).toEqual(counting.events);
        }
      }),
    );
  });
});
