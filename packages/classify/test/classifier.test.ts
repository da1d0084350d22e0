import {
  CancelledError,
  type Classifier,
  ClassifierKey,
  Ctx,
  defaultClassifier,
  dispatch,
  Params,
  Stack,
  service,
  WeftError,
} from "@weftmesh/core";
import { describeModule } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { ClassifierParam, classifier } from "../src/classifier.ts";

describeModule(classifier<object, object>(), { params: () => Params.empty });

async function classifierSeenBelow(params: Params, ctx: Ctx = new Ctx()): Promise<Classifier | undefined> {
  let seen: Classifier | undefined;
  const leaf = service<string, string>((req, each) => {
    seen = each.get(ClassifierKey);
    return Promise.resolve(req);
  });
  await dispatch(new Stack([classifier<string, string>()], () => leaf).make(params), "req", ctx);
  return seen;
}

describe("classifier", () => {
  it("puts the default on the call where no other was chosen", async () => {
    expect(await classifierSeenBelow(Params.empty)).toBe(defaultClassifier);
  });

  it("puts the chosen one on the call, for what is below and for what watches above", async () => {
    const chosen: Classifier = { name: "chosen", classify: () => "success" };
    const ctx = new Ctx();
    expect(await classifierSeenBelow(Params.empty.with(ClassifierParam, chosen), ctx)).toBe(chosen);
    expect(ctx.get(ClassifierKey)).toBe(chosen);
    expect(ctx.fork().get(ClassifierKey)).toBe(chosen);
  });

  it("shows the classifier by its name in a listing", () => {
    expect(ClassifierParam.show(defaultClassifier)).toBe("default");
  });
});

describe("the default classifier", () => {
  it("takes every answer for a success and every failure for one, save what counts for nothing", () => {
    expect(defaultClassifier.classify({}, { status: 500 }, undefined)).toBe("success");
    expect(defaultClassifier.classify({}, undefined, new Error("x"))).toBe("failure");
    expect(defaultClassifier.classify({}, {}, new WeftError("WEFT_X", "x", { flags: ["retryable"] }))).toBe("failure");
    expect(defaultClassifier.classify({}, undefined, new CancelledError())).toBe("ignorable");
  });
});
