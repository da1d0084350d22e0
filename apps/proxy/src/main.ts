import { runProxy } from "@weftmesh/proxy";
import { standardPlugins } from "@weftmesh/standard";
import { sharedModules } from "./shared-modules.ts";

process.exitCode = await runProxy(process.argv.slice(2), { plugins: standardPlugins, sharedModules });
