import { Ansis } from "ansis";

/**
 * Colours for a terminal, and none for anything else: a file, a pipe, or the log of a build server, whatever it calls
 * itself. `NO_COLOR` and `FORCE_COLOR` have their usual say.
 */
export const colours: Ansis =
  process.stdout.isTTY === true || process.env["FORCE_COLOR"] !== undefined ? new Ansis() : new Ansis(0);
