import { runProxy } from "@weftmesh/proxy";
import { standardPlugins } from "@weftmesh/standard";

process.exitCode = await runProxy(process.argv.slice(2), { plugins: standardPlugins });
