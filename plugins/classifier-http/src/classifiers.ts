import { HttpClassifier, retryableMethods, TrustRetryableParam } from "@weftmesh/classify";
import { definePlugin, type Plugin } from "@weftmesh/config";
import * as z from "zod";

type NoOptions = Readonly<Record<string, never>>;
const schema: z.ZodType<NoOptions> = z.strictObject({});

function classifierPlugin(
  kind: string,
  methods: ReadonlySet<string>,
  failsFrom: number = 500,
): Plugin<"classifier", NoOptions> {
  return definePlugin({
    type: "classifier",
    kind,
    schema,
    make: (_config, params) =>
      new HttpClassifier({ name: kind, methods, failsFrom, trustRetryable: params.get(TrustRetryableParam) }),
  });
}

/** 5XX answers are failures, and none is sent again. What a router has when its config names none. */
export const nonRetryable5XX: Plugin<"classifier", NoOptions> = classifierPlugin(
  "io.l5d.http.nonRetryable5XX",
  retryableMethods.none,
);

/** 5XX answers are failures; those of GET, HEAD, OPTIONS and TRACE may be sent again. */
export const retryableRead5XX: Plugin<"classifier", NoOptions> = classifierPlugin(
  "io.l5d.http.retryableRead5XX",
  retryableMethods.read,
);

/** 5XX answers are failures; those of the methods that read, of PUT and of DELETE may be sent again. */
export const retryableIdempotent5XX: Plugin<"classifier", NoOptions> = classifierPlugin(
  "io.l5d.http.retryableIdempotent5XX",
  retryableMethods.idempotent,
);

/** 5XX answers are failures; those of every method but CONNECT may be sent again. */
export const retryableAll5XX: Plugin<"classifier", NoOptions> = classifierPlugin(
  "io.l5d.http.retryableAll5XX",
  retryableMethods.all,
);

/** Every answer is a success, 5XX included. */
export const allSuccessful: Plugin<"classifier", NoOptions> = classifierPlugin(
  "io.l5d.http.allSuccessful",
  retryableMethods.none,
  Number.POSITIVE_INFINITY,
);
