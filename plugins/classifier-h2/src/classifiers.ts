import { HttpClassifier, type HttpRuleName, httpRules } from "@weftmesh/classify";
import { definePlugin, type Plugin } from "@weftmesh/config";
import * as z from "zod";

type NoOptions = Readonly<Record<string, never>>;
type ClassifierPlugin = Plugin<"classifier", NoOptions>;
const schema: z.ZodType<NoOptions> = z.strictObject({});

/** As its namesake of http, save that a stream of any length may be sent again, and that no backend is asked whether. */
function classifierPlugin(rule: HttpRuleName): ClassifierPlugin {
  const kind = `io.l5d.h2.${rule}`;
  return definePlugin({
    type: "classifier",
    kind,
    schema,
    make: () => new HttpClassifier({ name: kind, ...httpRules[rule], trustRetryable: false, streams: true }),
  });
}

/** What an h2 router has when its config names none. */
export const nonRetryable5XX: ClassifierPlugin = classifierPlugin("nonRetryable5XX");
export const retryableRead5XX: ClassifierPlugin = classifierPlugin("retryableRead5XX");
export const retryableIdempotent5XX: ClassifierPlugin = classifierPlugin("retryableIdempotent5XX");
export const retryableAll5XX: ClassifierPlugin = classifierPlugin("retryableAll5XX");
/** A stream that was reset is no success all the same. */
export const allSuccessful: ClassifierPlugin = classifierPlugin("allSuccessful");
