import { type Classifier, ClassifierKey, Ctx, failed, ok } from "@weftmesh/core";
import { testError } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { CountedCall } from "../src/judged-call.ts";

/** By what the answer says of itself, which is another thing at its end. */
const byEnd: Classifier = {
  name: "end",
  judgesEnds: true,
  classify: (_req, rep, error) => (error === undefined && (rep as { good: boolean }).good ? "success" : "failure"),
};

function call(classifier: Classifier) {
  const verdicts: string[] = [];
  const judge = {
    isLimited: undefined,
    record: (_era: number, verdict: string) => verdicts.push(verdict),
    probeHead: () => {},
    probeEnd: () => {},
  };
  const ctx = new Ctx().set(ClassifierKey, classifier);
  ctx.observe(new CountedCall(judge, {}, 0));
  return { verdicts, ctx };
}

describe("a call whose classifier judges answers by their end", () => {
  it("counts as what its end says, though its head was good", () => {
    for (const good of [true, false]) {
      const { verdicts, ctx } = call(byEnd);
      const rep = { good: true };
      ctx.respond(rep);
      expect(verdicts).toEqual([]);
      rep.good = good;
      ctx.end(ok);
      expect(verdicts).toEqual([good ? "success" : "failure"]);
    }
  });

  it("counts as what its head said where the head is enough", () => {
    const { judgesEnds: _none, ...byHead } = byEnd;
    const { verdicts, ctx } = call(byHead);
    const rep = { good: true };
    ctx.respond(rep);
    rep.good = false;
    ctx.end(ok);
    expect(verdicts).toEqual(["success"]);
  });

  it("counts as a failure once, at a head that is bad, and when it breaks", () => {
    const bad = call(byEnd);
    bad.ctx.respond({ good: false });
    bad.ctx.end(ok);
    expect(bad.verdicts).toEqual(["failure"]);
    const broken = call(byEnd);
    broken.ctx.respond({ good: true });
    broken.ctx.end(failed(testError("broke")));
    expect(broken.verdicts).toEqual(["failure"]);
  });
});
