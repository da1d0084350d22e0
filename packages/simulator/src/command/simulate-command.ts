import { asError, type Clock, isWeftError } from "@weftmesh/core";
import { jsonReport } from "../report/json-report.ts";
import { newPaint, type Surroundings } from "../report/paint.ts";
import { svgReport } from "../report/svg-report.ts";
import { showNumber, table } from "../report/table.ts";
import { textReport } from "../report/text-report.ts";
import { type Report, runScenario } from "../run-scenario.ts";
import type { Scenario } from "../scenario.ts";
import { type Arguments, readArguments, UsageError } from "./arguments.ts";
import { loadScenarios } from "./load-scenarios.ts";
import { nearest } from "./nearest.ts";
import { Progress } from "./progress.ts";

/** What the command speaks to, so that it can be part of another program. */
export interface CommandStreams {
  out(text: string): void;
  err(text: string): void;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  readonly env: Surroundings["env"];
  /** For the time that a run took. */
  readonly clock: Clock;
  writeFile(path: string, text: string): Promise<void>;
}

const usage = `Usage: simulate SCENARIO... [options]

Runs real modules in virtual time against scripted servers, and shows what comes of it.

Options:
  --list, -l      the scenarios there are
  --all           every one of them
  --seed, -s N    another chance; the same seed gives the same result, to the last byte (1)
  --json          the results as JSON
  --svg FILE      the charts as an SVG file
  --file FILE     scenarios of your own: a module that exports them
  --help, -h      this

Examples:
  npm run simulate -- slow-backend
  npm run simulate -- slow-backend --seed 7 --svg slow-backend.svg
  npm run simulate -- retry-storm --json | jq .claims
  npm run simulate -- --file ./my-scenarios.ts my-scenario

Exit code: 0 when every claim holds, 1 when one does not or a run fails, 2 for words that make no sense.
`;

/** The command, with the words that follow its name; gives the exit code. */
export async function simulateCommand(
  words: readonly string[],
  streams: CommandStreams,
  catalog: readonly Scenario[],
): Promise<number> {
  try {
    const given = readArguments(words);
    if (given.help) {
      streams.out(usage);
      return 0;
    }
    const known = given.file === undefined ? catalog : [...(await loadScenarios(given.file)), ...catalog];
    if (given.list) {
      streams.out(list(known, streams));
      return 0;
    }
    return await run(choose(given, known), given, streams);
  } catch (thrown) {
    if (thrown instanceof UsageError) {
      streams.err(`${thrown.message}\n`);
      return 2;
    }
    const error = asError(thrown);
    const shown = isWeftError(error) ? error.message : (error.stack ?? error.message);
    streams.err(`the simulation failed: ${shown}\n`);
    return 1;
  }
}

function choose(given: Arguments, known: readonly Scenario[]): readonly Scenario[] {
  if (given.all) return known;
  if (given.scenarios.length === 0) {
    throw new UsageError("which scenario? --list shows those there are, --help the rest");
  }
  return given.scenarios.map((name) => {
    const found = known.find((scenario) => scenario.name === name);
    if (found !== undefined) return found;
    const meant = nearest(
      name,
      known.map((scenario) => scenario.name),
    );
    const hint = meant === undefined ? "--list shows those there are" : `did you mean ${meant}?`;
    throw new UsageError(`unknown scenario ${name}; ${hint}`);
  });
}

function list(scenarios: readonly Scenario[], streams: CommandStreams): string {
  const paint = newPaint({ isTerminal: streams.outIsTerminal, env: streams.env });
  return table(
    ["scenario", "what it is"],
    scenarios.map(({ name, summary }) => [name, summary]),
    { heading: paint.bold },
  );
}

async function run(scenarios: readonly Scenario[], given: Arguments, streams: CommandStreams): Promise<number> {
  const paint = newPaint({ isTerminal: streams.outIsTerminal, env: streams.env });
  const progress = new Progress(streams.errIsTerminal, (text) => streams.err(text));
  let holds = true;
  for (const [index, scenario] of scenarios.entries()) {
    const startMs = streams.clock.now();
    let report: Report;
    try {
      report = await runScenario(scenario, {
        seed: given.seed,
        progress: (experiment, share) => progress.show(`${scenario.name}: ${experiment}`, share),
      });
    } finally {
      progress.clear();
    }
    holds &&= report.claims.every((claim) => claim.holds);
    if (given.json) streams.out(jsonReport(report));
    else streams.out(`${index > 0 ? "\n" : ""}${textReport(report, paint)}`);
    streams.err(`${timing(report, streams.clock.now() - startMs)}\n`);
    if (given.svg !== undefined) {
      const path = scenarios.length === 1 ? given.svg : numbered(given.svg, scenario.name);
      await streams.writeFile(path, svgReport(report));
      streams.err(`the charts are in ${path}\n`);
    }
  }
  return holds ? 0 : 1;
}

/** `all.svg` of several scenarios becomes `all-slow-backend.svg` and so on. */
function numbered(path: string, name: string): string {
  return path.endsWith(".svg") ? `${path.slice(0, -4)}-${name}.svg` : `${path}-${name}`;
}

function timing({ results }: Report, tookMs: number): string {
  const secs = tookMs / 1000;
  let virtualSecs = 0;
  let requests = 0;
  let events = 0;
  for (const run of results.runs) {
    virtualSecs += run.endedMs / 1000;
    requests += run.requests;
    events += run.events;
  }
  if (events === 0) return `in ${secs.toFixed(2)} s`;
  const rate = (count: number): string => showNumber(Math.round(count / Math.max(secs, 1e-3)));
  const speed = `${rate(virtualSecs)} times as fast as time, ${rate(requests)} requests/s, ${rate(events)} events/s`;
  return `${showNumber(Math.round(virtualSecs))} s simulated in ${secs.toFixed(2)} s: ${speed}`;
}
