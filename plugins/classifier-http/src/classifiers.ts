import { HttpClassifier, type HttpRuleName, httpRules, TrustRetryableParam } from "@weftmesh/classify";
import { definePlugin, type Plugin } from "@weftmesh/config";
import * as z from "zod";

type NoOptions = Readonly<Record<string, never>>;
type ClassifierPlugin = Plugin<"classifier", NoOptions>;
const schema: z.ZodType<NoOptions> = z.strictObject({});

function classifierPlugin(rule: HttpRuleName): ClassifierPlugin {
  const kind = `io.l5d.http.${rule}`;
  return definePlugin({
    type: "classifier",
    kind,
    schema,
    make: (_config, params) =>
      new HttpClassifier({ name: kind, ...httpRules[rule], trustRetryable: params.get(TrustRetryableParam) }),
  });
}

/** What a router has when its config names none. */
export const nonRetryable5XX: ClassifierPlugin = classifierPlugin("nonRetryable5XX");
export const retryableRead5XX: ClassifierPlugin = classifierPlugin("retryableRead5XX");
export const retryableIdempotent5XX: ClassifierPlugin = classifierPlugin("retryableIdempotent5XX");
export const retryableAll5XX: ClassifierPlugin = classifierPlugin("retryableAll5XX");
export const allSuccessful: ClassifierPlugin = classifierPlugin("allSuccessful");
