import type { Ctx, Service } from "@weftmesh/core";

/**
 * What a pool is to each of its sessions.
 *
 * Shape: one object per session. A session that dies with a call in hand asks for `redial` first and says
 * `sessionClosed` after that; each at most once.
 */
export interface SessionOwner<in Req, out Rep> {
  /**
   * Makes the call that the session could not make on a fresh session, which takes this one's place. The session
   * resolves the promise that it gave with this one, so a call that goes well pays nothing for it. For the session to
   * judge: it was reused, nothing of an answer has come, and sending the request again is safe.
   */
  redial(req: Req, ctx: Ctx): Promise<Rep>;
  /** The session can take no further call; it may have been idle or in use. */
  sessionClosed(): void;
  /** The session was busy, and takes calls again. */
  sessionRoom?(): void;
}

/** A session that tells its owner what becomes of it. The owner sets the field before the first call. */
export interface OwnedSession<Req, Rep> extends Service<Req, Rep> {
  owner: SessionOwner<Req, Rep> | undefined;
}

export function isOwnedSession<Req, Rep>(session: Service<Req, Rep>): session is OwnedSession<Req, Rep> {
  return "owner" in session;
}
