import { type Connection, type HttpRequest, hasToken, Names } from "@weftmesh/http";
import type { ConnectionOwner, ServedConnection, Wire, WireReader } from "@weftmesh/wire";
import type { ServesHttp1 } from "./http1-serving.ts";

/** Another protocol that a connection may go over to, by `Upgrade`: with the request in which the client asks for it. */
export interface ProtocolSwitch {
  /** As `Upgrade` names it, in lower case. */
  readonly protocol: string;
  /** Whether what the request says of the other protocol makes sense; if not, it is answered as any other. */
  accepts(req: HttpRequest, connection: Connection): boolean;
  /**
   * Takes the connection over. 101 was written; what the wire brings next is for the reader that is given, and the
   * request for whoever that has it answered.
   */
  begin(
    before: ServedConnection,
    owner: ConnectionOwner<ServesHttp1>,
    wire: Wire,
    connection: Connection,
    req: HttpRequest,
  ): WireReader;
}

/** Whether the client would go over to that protocol with this request (RFC 9110 section 7.8). */
export function asksFor(protocol: string, { headers, version }: HttpRequest): boolean {
  if (!headers.has(Names.upgrade) || version !== "1.1") return false;
  return hasToken(headers, Names.upgrade, protocol) && hasToken(headers, Names.connection, "upgrade");
}
