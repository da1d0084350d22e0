/** Colours and weights of a terminal; each gives the text back as it is where there are none. */
export interface Paint {
  bold(text: string): string;
  faint(text: string): string;
  good(text: string): string;
  bad(text: string): string;
}

/** What decides about colours. */
export interface Surroundings {
  readonly isTerminal: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const plain: Paint = { bold: same, faint: same, good: same, bad: same };
const ansi: Paint = { bold: around(1, 22), faint: around(2, 22), good: around(32, 39), bad: around(31, 39) };

/** Colours for a terminal that has them. `NO_COLOR` wins, then `FORCE_COLOR`, whatever stands at the other end. */
export function newPaint({ isTerminal, env }: Surroundings): Paint {
  if ((env["NO_COLOR"] ?? "") !== "") return plain;
  const forced = env["FORCE_COLOR"];
  if (forced !== undefined) return forced === "0" || forced === "false" ? plain : ansi;
  return isTerminal && env["TERM"] !== "dumb" ? ansi : plain;
}

function same(text: string): string {
  return text;
}

function around(on: number, off: number): (text: string) => string {
  return (text) => `\u001b[${on}m${text}\u001b[${off}m`;
}
