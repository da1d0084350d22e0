const places = 256;

/** What is known of a stream that is gone. */
export const Gone = {
  /** Long ago, or never there. */
  Unknown: 0,
  /** Both sides ended it, or the peer reset it. */
  Closed: 1,
  /** We reset it: what the peer had sent until it heard of that is no fault of its. */
  ResetByUs: 2,
} as const;
export type Gone = (typeof Gone)[keyof typeof Gone];

/** The streams of a connection that closed last, so that what still comes for them is judged as it has to be. */
export class ClosedStreams {
  private readonly ids: Int32Array = new Int32Array(places);

  add(id: number, resetByUs: boolean): void {
    this.ids[(id >>> 1) & (places - 1)] = resetByUs ? -id : id;
  }

  find(id: number): Gone {
    const found = this.ids[(id >>> 1) & (places - 1)];
    if (found === id) return Gone.Closed;
    return found === -id ? Gone.ResetByUs : Gone.Unknown;
  }
}
