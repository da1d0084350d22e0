import fc from "fast-check";

/**
 * A vitest setup file: `WEFT_RUNS` says how often each property is tried where it does not say so itself; 100 times if
 * the variable is not set.
 */
const runs = Number(process.env["WEFT_RUNS"] ?? 100);
if (!Number.isInteger(runs) || runs < 1)
  throw new RangeError(`WEFT_RUNS is no number of runs: ${process.env["WEFT_RUNS"]}`);
fc.configureGlobal({ ...fc.readConfigureGlobal(), numRuns: runs });
