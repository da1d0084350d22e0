/** How short of memory a process is. */
export const MemoryLevel: { readonly Calm: 0; readonly Soft: 1; readonly Hard: 2; readonly Full: 3 } = {
  Calm: 0,
  /** Nothing is kept that need not be. */
  Soft: 1,
  /** Requests are refused. */
  Hard: 2,
  /** Connections are refused as well. */
  Full: 3,
};

export interface MemoryMarks {
  /** Ratios of memory in use at which a level begins. */
  readonly soft: number;
  readonly hard: number;
  readonly full: number;
  /** A level ends this far below where it begins, so that it does not come and go with every collection. */
  readonly slack: number;
}

/** Errors: RangeError unless the marks rise from above 0 to 1 at most, and the slack lies between 0 and the first. */
export function checkMarks({ soft, hard, full, slack }: MemoryMarks): void {
  if (soft > 0 && soft < hard && hard <= full && full <= 1 && slack >= 0 && slack < soft) return;
  throw new RangeError(
    `memory marks must rise from soft to hard to full, not ${soft}, ${hard}, ${full}, slack ${slack}`,
  );
}

/** The level that follows on `level` when `ratio` of the memory is in use. */
export function nextLevel(level: number, ratio: number, { soft, hard, full, slack }: MemoryMarks): number {
  const marks = [0, soft, hard, full];
  let next: number = MemoryLevel.Calm;
  for (let each: number = MemoryLevel.Full; each > MemoryLevel.Calm; each--) {
    const mark = marks[each] as number;
    if (ratio >= mark || (level >= each && ratio > mark - slack)) {
      next = each;
      break;
    }
  }
  return next;
}
