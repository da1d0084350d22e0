import { runProxy, version } from "@weftmesh/proxy";
import { standardPlugins } from "@weftmesh/standard";
import { Command, CommanderError } from "commander";
import { check } from "./check.ts";
import { listPlugins } from "./list-plugins.ts";
import { schema } from "./schema.ts";

/** Where a command's words go. */
export interface Streams {
  out(text: string): void;
  err(text: string): void;
}

export interface Program {
  /** Runs a command line, and gives the exit code. */
  run(args: readonly string[]): Promise<number>;
}

const repeated = (value: string, before: readonly string[]): readonly string[] => [...before, value];

/** The command `weft`. */
export function newProgram(streams: Streams): Program {
  let code = 0;
  const weft = new Command("weft")
    .description("Weftmesh: a service mesh proxy that runs Linkerd 1.x configurations")
    .version(`weftmesh ${version}`)
    .exitOverride()
    .configureOutput({ writeOut: streams.out, writeErr: streams.err });
  weft
    .command("check")
    .description("Say what a configuration would run: routers, stacks, namers, and where every value comes from")
    .argument("<config>", "path of the configuration, or - for standard input")
    .option("--json", "print JSON")
    .option("--settings", "list every setting with its value and origin")
    .option("--plugin <name>", "add the plugins of a package or module; may be repeated", repeated, [])
    .addHelpText(
      "after",
      "\nExamples:\n  weft check proxy.yaml\n  weft check --settings proxy.yaml\n  weft check --json proxy.yaml | jq .routers",
    )
    .action(async (config: string, options: { json?: boolean; settings?: boolean; plugin: readonly string[] }) => {
      code = await check({ config, ...options, plugins: standardPlugins, streams });
    });
  weft
    .command("schema")
    .description("Print the JSON Schema of the configuration, for editors")
    .addHelpText("after", "\nExample:\n  weft schema > weftmesh.schema.json")
    .action(() => {
      code = schema(standardPlugins, streams);
    });
  weft
    .command("proxy")
    .description("Run the proxy that a configuration describes")
    .argument("<config>", "path of the configuration, or - for standard input")
    .option("--plugin <name>", "add the plugins of a package or module; may be repeated", repeated, [])
    .addHelpText("after", "\nExample:\n  weft proxy proxy.yaml")
    .action(async (config: string, options: { plugin: readonly string[] }) => {
      const args = options.plugin.flatMap((name) => ["--plugin", name]);
      code = await runProxy([...args, config], { plugins: standardPlugins });
    });
  weft
    .command("plugins")
    .description("List the plugins of this build")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  weft plugins")
    .action((options: { json?: boolean }) => {
      listPlugins(standardPlugins, options.json === true, streams);
    });
  return {
    async run(args) {
      code = 0;
      try {
        await weft.parseAsync([...args], { from: "user" });
      } catch (error) {
        if (!(error instanceof CommanderError)) throw error;
        return error.exitCode;
      }
      return code;
    },
  };
}
