import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { andThen, Ctx, type Filter, filtered, type Service, type Status, service } from "../src/index.ts";

type Step = "passes" | "throws" | "rejects" | "answers" | "changes";
type Plain = Filter<string, string>;

const arbStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<Step>("passes", "changes") },
  { weight: 1, arbitrary: fc.constantFrom<Step>("throws", "rejects", "answers") },
);

function filterOf(step: Step, n: number, log: string[]): Plain {
  const error = new Error(`${step} ${n}`);
  return (req, ctx, next) => {
    log.push(`enter ${n}`);
    if (step === "throws") throw error;
    if (step === "rejects") return Promise.reject(error);
    if (step === "answers") return Promise.resolve(`answer of ${n}`);
    const answer = next.call(step === "changes" ? `${req}${n}` : req, ctx);
    return answer.then((rep) => {
      log.push(`leave ${n}`);
      return step === "changes" ? `${rep}${n}` : rep;
    });
  };
}

const identity: Plain = (req, ctx, next) => next.call(req, ctx);

async function run(svc: Service<string, string>, reqs: readonly string[], log: string[]): Promise<unknown[]> {
  const results: unknown[] = [];
  for (const req of reqs) {
    log.push(`call ${req}`);
    results.push(await svc.call(req, new Ctx()).catch((error: unknown) => error));
  }
  return results;
}

/** What a way to put the same filters together gives, and in which order it got there. */
async function trace(
  steps: readonly Step[],
  reqs: readonly string[],
  compose: (filters: readonly Plain[], leaf: Service<string, string>) => Service<string, string>,
): Promise<unknown> {
  const log: string[] = [];
  const leaf = service<string, string>(async (req) => {
    log.push(`leaf ${req}`);
    return `rep to ${req}`;
  });
  const results = await run(
    compose(
      steps.map((step, n) => filterOf(step, n, log)),
      leaf,
    ),
    reqs,
    log,
  );
  return { log, results: results.map(String) };
}

const fold = (filters: readonly Plain[], leaf: Service<string, string>): Service<string, string> =>
  filters.reduceRight((svc, filter) => filtered(filter, svc), leaf);

describe("filters", () => {
  const arbReqs = fc.array(fc.string({ maxLength: 3 }), { maxLength: 3 });

  it("compose associatively: however they are put together, the same happens in the same order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.tuple(arbStep, arbStep, arbStep), arbReqs, async (steps, reqs) => {
        const folded = await trace(steps, reqs, fold);
        const left = await trace(steps, reqs, ([f, g, h], leaf) =>
          filtered(andThen(andThen(f as Plain, g as Plain), h as Plain), leaf),
        );
        const right = await trace(steps, reqs, ([f, g, h], leaf) =>
          filtered(andThen(f as Plain, andThen(g as Plain, h as Plain)), leaf),
        );
        expect(left).toEqual(folded);
        expect(right).toEqual(folded);
      }),
    );
  });

  it("have an identity on both sides", async () => {
    await fc.assert(
      fc.asyncProperty(arbStep, arbReqs, async (step, reqs) => {
        const plain = await trace([step], reqs, fold);
        expect(await trace([step], reqs, ([f], leaf) => filtered(andThen(identity, f as Plain), leaf))).toEqual(plain);
        expect(await trace([step], reqs, ([f], leaf) => filtered(andThen(f as Plain, identity), leaf))).toEqual(plain);
      }),
    );
  });

  it("turn a throw, at any place of a chain and in the service, into a rejection with that very error", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 6 }), fc.nat({ max: 6 }), async (above, below) => {
        const error = new Error("thrown");
        const thrower: Service<string, string> = {
          ...service(() => Promise.resolve("")),
          call: () => {
            throw error;
          },
        };
        const chain = fold(Array<Plain>(above + 1).fill(identity), thrower);
        await expect(chain.call("", new Ctx())).rejects.toBe(error);
        const filter = fold(
          [...Array<Plain>(above).fill(identity), filterOf("throws", 0, []), ...Array<Plain>(below).fill(identity)],
          service(() => Promise.resolve("")),
        );
        await expect(filter.call("", new Ctx())).rejects.toThrow("throws 0");
      }),
    );
  });

  it("have the status and the close of the service behind them", async () => {
    let closes = 0;
    const leaf = {
      call: () => Promise.resolve(""),
      status: "open" as Status,
      close: () => {
        closes++;
        return Promise.resolve();
      },
    };
    const chain = fold([identity, identity, identity], leaf);
    for (const status of ["busy", "closed", "open"] as const) {
      leaf.status = status;
      expect(chain.status).toBe(status);
    }
    await chain.close();
    expect(closes).toBe(1);
  });

  it("composed once serve several services", async () => {
    const both = andThen<string, string, string, string, string, string>(identity, (req, ctx, next) =>
      next.call(`${req}!`, ctx),
    );
    const services = ["a", "b"].map((name) =>
      filtered(
        both,
        service(async (req: string) => name + req),
      ),
    );
    const answers = await Promise.all([0, 1, 0, 1].map((n) => services[n]?.call("x", new Ctx())));
    expect(answers).toEqual(["ax!", "bx!", "ax!", "bx!"]);
  });
});
