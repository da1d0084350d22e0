import {
  type Classifier,
  ClassifierKey,
  Ctx,
  defaultClassifier,
  type ErrorFlag,
  Params,
  type ResponseClass,
  type Service,
  Stack,
  service,
  WeftError,
} from "@weftmesh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClassifierParam, classifier } from "../src/classifier.ts";

const flag = fc.constantFrom<ErrorFlag>("retryable", "nonRetryable", "rejected", "interrupted", "ignorable", "naming");

describe("classifier", () => {
  it("lets each of two services keep its own judge, whatever calls run at the same time and however deep they fork", () => {
    const classes = fc.constantFrom<ResponseClass>("success", "failure");
    const call = fc.record({ service: fc.nat(1), forks: fc.nat(3) });
    fc.assert(
      fc.property(fc.tuple(classes, classes), fc.array(call), (verdicts, calls) => {
        const services = verdicts.map((verdict): Service<object, object> => {
          const chosen: Classifier = { name: verdict, classify: () => verdict };
          const leaf = service<object, object>(() => new Promise(() => {}));
          return new Stack([classifier<object, object>()], () => leaf).make(Params.empty.with(ClassifierParam, chosen));
        });
        const open = calls.map((each) => {
          let ctx = new Ctx();
          void services[each.service]?.call({}, ctx);
          for (let i = 0; i < each.forks; i++) ctx = ctx.fork();
          return { ctx, expected: verdicts[each.service] };
        });
        for (const { ctx, expected } of open) {
          expect(ctx.get(ClassifierKey)?.classify({}, {}, undefined)).toBe(expected);
        }
      }),
    );
  });
});

describe("the default classifier", () => {
  it("asks of an error only whether it counts, and of an answer nothing", () => {
    fc.assert(
      fc.property(fc.anything(), fc.uniqueArray(flag), (rep, flags) => {
        expect(defaultClassifier.classify({}, rep, undefined)).toBe("success");
        const found = defaultClassifier.classify({}, rep, new WeftError("WEFT_X", "x", { flags }));
        expect(found).toBe(flags.includes("ignorable") ? "ignorable" : "failure");
      }),
    );
  });
});
