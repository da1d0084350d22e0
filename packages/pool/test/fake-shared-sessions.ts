import { type Ctx, type Service, type ServiceFactory, type Status, WeftError } from "@weftmesh/core";
import type { OwnedSession, SessionOwner } from "@weftmesh/pool";

interface Call {
  readonly req: string;
  readonly ctx: Ctx;
  readonly resolve: (rep: string | Promise<string>) => void;
  readonly reject: (error: Error) => void;
}

/** A session for many calls at a time, that a test plays. */
export class FakeSharedSession implements OwnedSession<string, string> {
  owner: SessionOwner<string, string> | undefined = undefined;
  status: Status;
  closes = 0;
  /** What it was asked wrongly. */
  readonly misused: string[] = [];
  readonly n: number;
  readonly calls = new Map<string, Call>();

  constructor(n: number, status: Status) {
    this.n = n;
    this.status = status;
  }

  /** Calls that have not ended. */
  get inUse(): number {
    return [...this.calls.values()].filter((each) => !each.ctx.ended).length;
  }

  call(req: string, ctx: Ctx): Promise<string> {
    if (this.status === "closed") this.misused.push(`${req} on a closed session`);
    if (this.closes > 0) this.misused.push(`${req} after the close`);
    if (ctx.ended || ctx.cancelled !== undefined) this.misused.push(`${req} is over already`);
    return new Promise((resolve, reject) => {
      this.calls.set(req, { req, ctx, resolve, reject });
      ctx.onCancel(reject);
    });
  }

  answer(req: string): void {
    this.calls.get(req)?.resolve(`${req} by ${this.n}`);
  }

  /** Takes no more calls, as after a GOAWAY; those under way go on. */
  goAway(tell: boolean): void {
    this.status = "closed";
    if (tell) this.owner?.sessionClosed();
  }

  die(): void {
    this.goAway(true);
    for (const each of this.calls.values()) each.reject(new WeftError("WEFT_TEST", "the session died"));
  }

  /** The call cannot be made here any more, and may be made again. */
  refuseStale(req: string): void {
    const call = this.calls.get(req) as Call;
    this.status = "closed";
    call.resolve((this.owner as SessionOwner<string, string>).redial(req, call.ctx));
    this.calls.delete(req);
  }

  close(): Promise<void> {
    if (this.inUse > 0) this.misused.push(`closed while ${this.inUse} calls are under way`);
    this.closes++;
    this.status = "closed";
    return Promise.resolve();
  }
}

export interface SharedOpening {
  done: boolean;
  readonly ctx: Ctx;
  session: FakeSharedSession | undefined;
  succeed(status?: Status): FakeSharedSession;
  fail(): void;
}

export class FakeSharedFactory implements ServiceFactory<string, string> {
  status: Status = "open";
  closes = 0;
  readonly openings: SharedOpening[] = [];
  readonly #atOnce: boolean;

  constructor(atOnce = false) {
    this.#atOnce = atOnce;
  }

  get sessions(): FakeSharedSession[] {
    return this.openings.flatMap((each) => each.session ?? []);
  }

  open(ctx: Ctx): Promise<Service<string, string>> {
    return new Promise((resolve, reject) => {
      const opening: SharedOpening = {
        ctx,
        done: false,
        session: undefined,
        succeed: (status = "open") => {
          opening.done = true;
          opening.session = new FakeSharedSession(this.openings.indexOf(opening), status);
          resolve(opening.session);
          return opening.session;
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
      if (this.#atOnce && !opening.done) opening.succeed();
    });
  }

  close(): Promise<void> {
    this.closes++;
    this.status = "closed";
    return Promise.resolve();
  }
}
