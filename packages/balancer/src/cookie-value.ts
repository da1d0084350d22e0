const equals = 61;

/** The value of the first cookie of that name in a `Cookie` header, as it stands there; undefined without one. */
export function cookieValue(header: string, name: string): string | undefined {
  for (let at = 0; at < header.length; ) {
    while (isSpace(header.charCodeAt(at))) at++;
    let end = header.indexOf(";", at);
    if (end === -1) end = header.length;
    if (header.startsWith(name, at) && header.charCodeAt(at + name.length) === equals) {
      return header.substring(at + name.length + 1, end).trim();
    }
    at = end + 1;
  }
  return undefined;
}

function isSpace(code: number): boolean {
  return code === 32 || code === 9;
}
