/** Where a connection of a server stands. */
export const Phase = {
  /** Between requests. */
  Idle: 0,
  /** Part of a head is here. */
  Head: 1,
  /** A request is being answered, or the rest of its body is awaited. */
  Exchange: 2,
  /** The last response is written; what still comes is dropped. */
  Closing: 3,
  Closed: 4,
} as const;
export type Phase = (typeof Phase)[keyof typeof Phase];
