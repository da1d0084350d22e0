import type { Ctx, Service, ServiceFactory, Status } from "@weftmesh/core";

export class FakeSession implements Service<string, string> {
  readonly status: Status = "open";
  calls = 0;
  closes = 0;

  call(req: string): Promise<string> {
    this.calls++;
    return Promise.resolve(req);
  }

  close(): Promise<void> {
    this.closes++;
    // Whoever only tries a connection must not mind.
    return Promise.reject(new Error("it did not close cleanly"));
  }
}

interface Opening {
  readonly ctx: Ctx;
  readonly resolve: (session: FakeSession) => void;
  readonly reject: (error: Error) => void;
}

/** Sessions that open when a test says so; a cancelled opening rejects at once, as a transport owes. */
export class FakeSessions implements ServiceFactory<string, string> {
  status: Status = "open";
  throws: Error | undefined;
  closes = 0;
  /** Every opening that ever was. */
  readonly openings: Opening[] = [];
  #waiting: Opening[] = [];

  get opened(): number {
    return this.openings.length;
  }

  get pending(): number {
    return this.#waiting.filter((each) => each.ctx.cancelled === undefined).length;
  }

  open(ctx: Ctx): Promise<Service<string, string>> {
    if (this.throws !== undefined) throw this.throws;
    return new Promise((resolve, reject) => {
      const opening: Opening = { ctx, resolve, reject };
      this.openings.push(opening);
      this.#waiting.push(opening);
      ctx.onCancel(reject);
    });
  }

  /** Opens the session that has waited longest. */
  accept(): FakeSession {
    const session = new FakeSession();
    this.#next().resolve(session);
    return session;
  }

  refuse(error: Error): void {
    this.#next().reject(error);
  }

  close(): Promise<void> {
    this.closes++;
    return Promise.resolve();
  }

  #next(): Opening {
    const opening = this.#waiting.shift();
    if (opening === undefined) throw new Error("nobody waits for a session");
    return opening;
  }
}
