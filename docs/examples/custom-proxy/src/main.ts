import { readFile } from "node:fs/promises";
import { plugins as acmePlugins, auditPlugin } from "@acme/weftmesh-plugin-audit";
import { Params, role } from "@weftmesh/core";
import { createProxy } from "@weftmesh/proxy";
import { standardPlugins } from "@weftmesh/standard";

const unwanted = new Set(["io.l5d.rewrite"]);

const proxy = await createProxy({
  config: await readFile(process.argv[2] ?? "/etc/acme/proxy.yaml", "utf8"),
  plugins: [...standardPlugins.filter((each) => !unwanted.has(each.kind)), ...acmePlugins],
  stacks: (protocol, stacks) => {
    if (protocol !== "http") return stacks;
    const audit = auditPlugin.make({ scope: "audit" }, Params.empty);
    return { ...stacks, client: stacks.client.after(role("requestTimeout"), audit.stackable()) };
  },
});
process.once("SIGTERM", () => void proxy.close());
await proxy.run();
