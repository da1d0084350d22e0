/** RFC 3986 reg-name without the comma, an IP literal in brackets, and a port. */
const form = /^(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})*(?::(\d*))?$/;
const literal = /^\[(?:[0-9A-Fa-f:.]{2,45}|v[0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+)\](?::(\d*))?$/;

/**
 * True for a host with an optional port, as `Host` and the authority of a target spell it.
 *
 * A list, user information, a path or a port past 65535 make it something else. The comma is legal in a registered name
 * and yet refused: a list of hosts looks the same.
 */
export function isAuthority(text: string): boolean {
  const match = text.startsWith("[") ? literal.exec(text) : form.exec(text);
  if (match === null || text.startsWith(":")) return false;
  const port = match[1];
  return port === undefined || port === "" || (port.length <= 5 && Number(port) <= 65_535);
}
