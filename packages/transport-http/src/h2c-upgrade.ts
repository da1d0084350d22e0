import { type Connection, type HttpRequest, hasToken, headerName, Names } from "@weftmesh/http";
import type { ProtocolSwitch } from "@weftmesh/transport-http1";
import { areSettings, type ServerSession } from "@weftmesh/transport-http2";
import type { ConnectionOwner, FrameWire, ServedConnection, Wire } from "@weftmesh/wire";
import type { HttpServing } from "./http-serving.ts";

const settingsHeader = headerName("HTTP2-Settings");
const base64url = /^[A-Za-z0-9_-]*$/;

/**
 * From HTTP/1.1 to HTTP/2 without TLS, by `Upgrade: h2c` (RFC 7540 section 3.2): the request becomes stream 1.
 *
 * A request that asks for it in any other way than the standard has it is answered by HTTP/1.1, and so is one with a
 * body.
 */
export const h2cUpgrade: ProtocolSwitch = {
  protocol: "h2c",

  accepts({ headers }: HttpRequest, { secure }: Connection): boolean {
    if (secure || headers.count(settingsHeader) !== 1) return false;
    if (!hasToken(headers, Names.connection, settingsHeader.lower)) return false;
    const settings = headers.get(settingsHeader) as string;
    return base64url.test(settings) && areSettings(Buffer.from(settings, "base64url"));
  },

  begin(
    before: ServedConnection,
    owner: ConnectionOwner<HttpServing>,
    wire: Wire,
    connection: Connection,
    req: HttpRequest,
  ): ServerSession {
    const { headers } = req;
    const settings = Buffer.from(headers.get(settingsHeader) as string, "base64url");
    headers.delete(settingsHeader).delete(Names.upgrade).delete(Names.connection);
    // The wires of servers are all for frames.
    const session = owner.serving.http2.upgraded(owner, wire as FrameWire, connection, req, settings);
    owner.replace(before, session);
    return session;
  },
};
