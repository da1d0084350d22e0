import { isHttpNack, NackAdmissionParam, NackAdmissionRole, nackAdmission } from "@weftmesh/admission";
import { decimal, definePlugin, type Plugin, PositiveCount } from "@weftmesh/config";
import { Params, withParams } from "@weftmesh/core";
import * as z from "zod";

/** What a config may say of it. */
export interface NackAdmissionConfig {
  readonly windowMs: number;
  readonly nackRateThreshold: number;
}

const schema = (): z.ZodType<NackAdmissionConfig> =>
  z.strictObject({
    windowMs: PositiveCount.default(120_000).describe("Time after which an answer counts for about a third"),
    nackRateThreshold: decimal(0.01, 0.99, "a number from 0.01 to 0.99", 0.5)
      .default(0.5)
      .describe("Share of refusals up to which nothing is kept back"),
  });

/** Keeps back some of a client's requests while its backends refuse most of them: `kind: dev.weftmesh.nackAdmission`. */
export const nackAdmissionModule: Plugin<"module", NackAdmissionConfig> = definePlugin({
  type: "module",
  kind: "dev.weftmesh.nackAdmission",
  schema,
  make: (options) => ({
    role: NackAdmissionRole,
    stackable: () =>
      withParams(nackAdmission(), Params.empty.with(NackAdmissionParam, { ...options, isNack: isHttpNack })),
  }),
});
