import { type Ctx, type Service, type ServiceFactory, type Status, WeftError } from "@weftmesh/core";
import type { OwnedSession, SessionOwner } from "@weftmesh/pool";

/** A session that a test plays: it answers, dies and asks for a redial when it is told to. */
export class FakeSession implements OwnedSession<string, string> {
  owner: SessionOwner<string, string> | undefined = undefined;
  status: Status = "open";
  closes = 0;
  calls = 0;
  /** What it was asked wrongly. */
  readonly misused: string[] = [];
  readonly n: number;
  #current:
    | { req: string; ctx: Ctx; resolve: (rep: string | Promise<string>) => void; reject: (e: Error) => void }
    | undefined;

  constructor(n: number) {
    this.n = n;
  }

  get inUse(): boolean {
    return this.#current !== undefined && !this.#current.ctx.ended;
  }

  get request(): string | undefined {
    return this.#current?.req;
  }

  call(req: string, ctx: Ctx): Promise<string> {
    if (this.inUse) this.misused.push(`${req} while ${this.#current?.req} is under way`);
    if (this.status !== "open") this.misused.push(`${req} on a session that is ${this.status}`);
    if (ctx.ended || ctx.cancelled !== undefined) this.misused.push(`${req} is over already`);
    this.calls++;
    return new Promise((resolve, reject) => {
      this.#current = { req, ctx, resolve, reject };
      ctx.onCancel((reason) => {
        this.#die();
        reject(reason);
      });
    });
  }

  answer(): void {
    this.#current?.resolve(`${this.#current.req} by ${this.n}`);
  }

  /** Dies with the call in hand, or idle. */
  die(): void {
    this.#die();
    this.#current?.reject(new WeftError("WEFT_TEST", "the session died"));
  }

  /** Dies with a call that may be made again. */
  dieStale(): void {
    const current = this.#current;
    if (current === undefined) throw new TypeError("there is no call to make again");
    this.status = "closed";
    current.resolve((this.owner as SessionOwner<string, string>).redial(current.req, current.ctx));
    this.#die();
  }

  close(): Promise<void> {
    if (this.inUse && this.status !== "closed") this.misused.push(`closed while ${this.request} is under way`);
    this.closes++;
    this.status = "closed";
    return Promise.resolve();
  }

  #die(): void {
    this.status = "closed";
    this.owner?.sessionClosed();
  }
}

/** An `open` that a test lets succeed or fail. */
export interface Opening {
  readonly ctx: Ctx;
  done: boolean;
  /** What came of it. */
  session: FakeSession | undefined;
  succeed(): FakeSession;
  fail(): void;
}

export class FakeFactory implements ServiceFactory<string, string> {
  status: Status = "open";
  closes = 0;
  readonly openings: Opening[] = [];
  readonly sessions: FakeSession[] = [];
  /** Opens at once, as if each connect took no time. */
  readonly atOnce: boolean;

  constructor(atOnce = false) {
    this.atOnce = atOnce;
  }

  get opening(): number {
    return this.openings.filter((each) => !each.done).length;
  }

  open(ctx: Ctx): Promise<Service<string, string>> {
    return new Promise((resolve, reject) => {
      const opening: Opening = {
        ctx,
        done: false,
        session: undefined,
        succeed: () => {
          opening.done = true;
          const session = new FakeSession(this.sessions.length);
          opening.session = session;
          this.sessions.push(session);
          resolve(session);
          return session;
        },
        fail: () => {
          opening.done = true;
          reject(new WeftError("WEFT_CONNECT_REFUSED", "refused", { flags: ["retryable"] }));
        },
      };
      this.openings.push(opening);
      ctx.onCancel((reason) => {
        if (opening.done) return;
        opening.done = true;
        reject(reason);
      });
      if (this.atOnce && !opening.done) opening.succeed();
    });
  }

  close(): Promise<void> {
    this.closes++;
    this.status = "closed";
    return Promise.resolve();
  }
}
