#!/usr/bin/env node
import { runProxy } from "@weftmesh/proxy";
import { standardPlugins } from "@weftmesh/standard";

/** In the sources as in the bundle it lies beside this file. */
const sharedModules = import.meta.url.replace(/main(\.[jt]s)$/, "library$1");

process.exitCode = await runProxy(process.argv.slice(2), { plugins: standardPlugins, sharedModules });
