/** What keeps the process from taking on too much: one for all servers. */
export interface ServerGuard {
  /** Connections are closed behind their response. */
  readonly keepsNone: boolean;
  /** Set while requests are refused. */
  readonly refusal: Error | undefined;
  /** Counts a request as refused, and says why. */
  refuse(): Error | undefined;
  /** Whether one more connection is taken, with so many sockets open in the process. */
  admits(openSockets: number): boolean;
  opened(): void;
  closed(): void;
}

/** Takes everything. */
export const noGuard: ServerGuard = {
  keepsNone: false,
  refusal: undefined,
  refuse: () => undefined,
  admits: () => true,
  opened: () => {},
  closed: () => {},
};
