import { definePlugin } from "@weftmesh/config";
import { Activity, filterModule, type Observer, role, Var } from "@weftmesh/core";
import { address, boundAddr, leaf, Neg, Path } from "@weftmesh/naming";
import { StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import { z } from "zod";

/** A filter: it counts calls by outcome, once the body has ended. */
const observer = (stats: StatsReceiver): Observer => {
  const [ok, failed] = [stats.counter("ok"), stats.counter("failed")];
  return { onEnd: (_ctx, outcome) => (outcome.kind === "ok" ? ok : failed).inc() };
};
export const AuditRole = role("acme.audit");
export const auditPlugin = definePlugin({
  type: "module",
  kind: "com.acme.audit",
  schema: z.strictObject({ scope: z.string().default("audit").describe("Scope of the counters") }),
  make: ({ scope }) => ({
    role: AuditRole,
    stackable: filterModule({
      role: AuditRole,
      description: "Counts calls by outcome",
      params: { stats: StatsParam },
      filter: ({ stats }) => {
        const watch = observer(stats.scope(scope)); // once per stack, not per call
        return (req, ctx, next) => {
          ctx.observe(watch);
          return next.call(req, ctx);
        };
      },
    }),
  }),
});

/** A namer: /#/com.acme.ports/8080 is port 8080 of one host. */
export const portsPlugin = definePlugin({
  type: "namer",
  kind: "com.acme.ports",
  schema: z.strictObject({ host: z.string().default("127.0.0.1").describe("The host of every port") }),
  make: ({ host }) => ({
    prefix: Path.read("/com.acme.ports"),
    namer: {
      lookup: (path) => {
        const [text = ""] = path.elems;
        if (!/^[1-9]\d{0,4}$/.test(text)) return Activity.of(Neg);
        const id = Path.of("#", "com.acme.ports", text);
        return Activity.of(
          leaf({ id, residual: path.drop(1), addr: Var.of(boundAddr([address(host, Number(text))])) }),
        );
      },
    },
  }),
});

export const plugins = [auditPlugin, portsPlugin]; // for a config that names this package under `plugins:`
