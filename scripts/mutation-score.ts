/** What is read of Stryker's JSON report. */
export interface MutantReport {
  readonly files: Readonly<
    Record<
      string,
      {
        readonly mutants: readonly {
          readonly status: string;
          readonly mutatorName: string;
          readonly replacement?: string;
          readonly location: { readonly start: { readonly line: number } };
        }[];
      }
    >
  >;
}

export interface Score {
  readonly package: string;
  readonly mutants: number;
  readonly killed: number;
  readonly timedOut: number;
  readonly survived: number;
  readonly noCoverage: number;
  /** Killed and timed out of all that are valid, in percent with one decimal. */
  readonly percent: number;
}

/** Mutants that do not compile or crash the runner count on neither side, as Stryker has it. */
export function scoreOf(name: string, { files }: MutantReport): Score {
  const count = new Map<string, number>();
  for (const { mutants } of Object.values(files)) {
    for (const { status } of mutants) count.set(status, (count.get(status) ?? 0) + 1);
  }
  const of = (status: string): number => count.get(status) ?? 0;
  const [killed, timedOut, survived, noCoverage] = [of("Killed"), of("Timeout"), of("Survived"), of("NoCoverage")];
  const mutants = killed + timedOut + survived + noCoverage;
  const percent = mutants === 0 ? 0 : Math.floor(((killed + timedOut) / mutants) * 1000) / 10;
  return { package: name, mutants, killed, timedOut, survived, noCoverage, percent };
}

export function scoreTable(scores: readonly Score[]): string {
  const rows = scores.map(
    ({ package: name, mutants, killed, timedOut, survived, noCoverage, percent }) =>
      `| ${name} | ${mutants} | ${killed} | ${timedOut} | ${survived} | ${noCoverage} | ${percent.toFixed(1)} % |`,
  );
  const head = "| package | mutants | killed | timed out | survived | not covered | score |";
  return [head, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |", ...rows].join("\n");
}
