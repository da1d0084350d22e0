/** Requests as bytes, written in latin1. Those of list A carry their number. */
export interface HostilePayload {
  readonly id: string;
  readonly what: string;
  readonly bytes: string;
  readonly status: number;
  /** Too long to be seen whole before the service is called: its body must then fail. */
  readonly long?: boolean;
}

const host = "Host: web.example\r\n";

function post(lines: string, body = ""): string {
  return `POST /p HTTP/1.1\r\n${host}${lines}\r\n${body}`;
}

function get(lines: string): string {
  return `GET /p HTTP/1.1\r\n${lines}\r\n`;
}

function chunked(body: string): string {
  return post("Transfer-Encoding: chunked\r\n", body);
}

function hostile(id: string, what: string, bytes: string, status = 400): HostilePayload {
  return { id, what, bytes, status };
}

const smuggled = `GET /smuggled HTTP/1.1\r\n${host}\r\n`;

export const hostilePayloads: readonly HostilePayload[] = [
  hostile(
    "A1",
    "Content-Length and Transfer-Encoding",
    post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
  ),
  hostile(
    "A2",
    "Transfer-Encoding before Content-Length, with a request in the body",
    post(`Transfer-Encoding: chunked\r\nContent-Length: ${5 + smuggled.length}\r\n`, `0\r\n\r\n${smuggled}`),
  ),
  hostile("A3", "two Content-Lengths that differ", post("Content-Length: 1\r\nContent-Length: 2\r\n", "ab")),
  hostile("A4", "two Content-Lengths that are equal", post("Content-Length: 2\r\nContent-Length: 2\r\n", "ab")),
  hostile("A5", "a list as Content-Length", post("Content-Length: 1, 2\r\n", "ab")),
  hostile("A5", "a list of equal Content-Lengths", post("Content-Length: 2, 2\r\n", "ab")),
  hostile("A6", "Content-Length +1", post("Content-Length: +1\r\n", "a")),
  hostile("A7", "Content-Length -1", post("Content-Length: -1\r\n", "a")),
  hostile("A8", "Content-Length 0x1", post("Content-Length: 0x1\r\n", "a")),
  hostile("A9", "Content-Length 1_0", post("Content-Length: 1_0\r\n", "aaaaaaaaaa")),
  hostile("A10", "Content-Length 1Z", post("Content-Length: 1Z\r\n", "a")),
  hostile("A11", "Content-Length 1 2", post("Content-Length: 1 2\r\n", "aaaaaaaaaaaa")),
  hostile("A12", "Content-Length 1.0", post("Content-Length: 1.0\r\n", "a")),
  hostile("A10", "a tab behind Content-Length", post("Content-Length: 1 \t\r\n", "a")),
  hostile("A23", "a tab behind Transfer-Encoding", post("Transfer-Encoding: chunked\t\r\n", "0\r\n\r\n")),
  hostile("A13", "an empty Content-Length", post("Content-Length:\r\n", smuggled)),
  hostile("A13", "a Content-Length of spaces", post("Content-Length:   \r\n", smuggled)),
  hostile("A14", "an empty Content-Length and another", post("Content-Length:\r\nContent-Length: 5\r\n", "abcde")),
  hostile("A15", "Content-Length 2^64", post("Content-Length: 18446744073709551616\r\n", "a")),
  hostile("A15", "Content-Length 2^64 + 1", post("Content-Length: 18446744073709551617\r\n", "a")),
  hostile("A16", "Content-Length 2^53 + 1", post("Content-Length: 9007199254740993\r\n", "a")),
  hostile("A17", "Content-Length in digits that are not ASCII", post("Content-Length: \xb2\r\n", "ab")),
  hostile("A17", "Content-Length in fullwidth digits", post("Content-Length: \xef\xbc\x92\r\n", "ab")),
  hostile("A18", "Transfer-Encoding xchunked", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")),
  hostile("A18", "Transfer-Encoding identity", post("Transfer-Encoding: identity\r\n", "0\r\n\r\n")),
  hostile("A18", "Transfer-Encoding gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")),
  hostile("A19", "Transfer-Encoding ,chunked", post("Transfer-Encoding: ,chunked\r\n", "0\r\n\r\n")),
  hostile(
    "A20",
    "Transfer-Encoding twice",
    post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
  ),
  hostile("A20", "Transfer-Encoding chunked, chunked", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n")),
  hostile(
    "A20",
    "Transfer-Encoding chunked and identity",
    post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"),
  ),
  hostile("A21", "Transfer-Encoding chunked, identity", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n")),
  hostile("A22", "Transfer-Encoding chunked;q=1", post("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n")),
  hostile("A23", "Transfer-Encoding with a VT", post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n")),
  hostile("A23", "Transfer-Encoding with a no-break space", post("Transfer-Encoding: chunked\xa0\r\n", "0\r\n\r\n")),
  hostile("A23", "Transfer-Encoding with a NUL", post("Transfer-Encoding: chunked\0\r\n", "0\r\n\r\n")),
  hostile("A23", "Transfer-Encoding in quotes", post('Transfer-Encoding: "chunked"\r\n', "0\r\n\r\n")),
  hostile("A24", "an empty Transfer-Encoding", post("Transfer-Encoding:\r\n", "0\r\n\r\n")),
  hostile(
    "A24",
    "an empty Transfer-Encoding beside Content-Length",
    post("Transfer-Encoding:\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
  ),
  hostile("A25", "Transfer-Encoding folded over a line", post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n")),
  hostile("A26", "a space before the colon of Content-Length", post("Content-Length : 5\r\n", "abcde")),
  hostile("A26", "a tab before the colon of Transfer-Encoding", post("Transfer-Encoding\t: chunked\r\n", "0\r\n\r\n")),
  hostile(
    "A27",
    "Transfer-Encoding in HTTP/1.0",
    `POST /p HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ),
  hostile("A29", "chunk size 0x5", chunked("0x5\r\nabcde\r\n0\r\n\r\n")),
  hostile("A29", "chunk size +5", chunked("+5\r\nabcde\r\n0\r\n\r\n")),
  hostile("A29", "chunk size -0", chunked("-0\r\n\r\n")),
  hostile("A29", "chunk size 0_5", chunked("0_5\r\nabcde\r\n0\r\n\r\n")),
  hostile("A29", "a space before a chunk size", chunked(" 5\r\nabcde\r\n0\r\n\r\n")),
  hostile("A29", "a space behind a chunk size", chunked("5 \r\nabcde\r\n0\r\n\r\n")),
  hostile("A29", "no chunk size", chunked("\r\nabcde\r\n0\r\n\r\n")),
  hostile("A29", "an extension without a chunk size", chunked(";a=b\r\n\r\n")),
  hostile("A30", "a chunk size over 2^53", chunked("20000000000001\r\nabcde\r\n0\r\n\r\n")),
  hostile("A30", "a chunk size of 17 digits", chunked("10000000000000005\r\nabcde\r\n0\r\n\r\n")),
  hostile("A31", "a bare LF behind a chunk size", chunked("5\nabcde\r\n0\r\n\r\n")),
  hostile("A31", "a bare CR behind a chunk size", chunked("5\rabcde\r\n0\r\n\r\n")),
  hostile("A31", "a bare LF behind the last chunk", chunked("5\r\nabcde\r\n0\n\n")),
  hostile("A32", "a LF in a chunk extension", chunked("5;a\nabcde\r\n0\r\n\r\n")),
  hostile("A32", "a LF in a quoted chunk extension", chunked('5;a="\n"\r\nabcde\r\n0\r\n\r\n')),
  hostile("A32", "a CR in a chunk extension", chunked("5;a\rb\r\nabcde\r\n0\r\n\r\n")),
  hostile("A33", "chunk data not followed by CRLF", chunked("5\r\nabcdefg0\r\n\r\n")),
  hostile("A33", "chunk data followed by LF", chunked("5\r\nabcde\n0\r\n\r\n")),
  {
    ...hostile(
      "A34",
      "chunk extensions of 17 KiB in one chunk",
      chunked(`5;${"a".repeat(17_408)}\r\nabcde\r\n0\r\n\r\n`),
    ),
    long: true,
  },
  {
    ...hostile(
      "A34",
      "chunk extensions of 17 KiB in many chunks",
      chunked(`${`1;${"a".repeat(1_087)}\r\nx\r\n`.repeat(16)}0\r\n\r\n`),
    ),
    long: true,
  },
  hostile("A35", "a chunk size with 300 leading zeros", chunked(`${"0".repeat(300)}5\r\nabcde\r\n0\r\n\r\n`)),
  hostile("A37", "a trailer with a bad name", chunked("0\r\nx y: z\r\n\r\n")),
  hostile("A37", "a trailer without a colon", chunked("0\r\nxyz\r\n\r\n")),
  hostile("A37", "a folded trailer", chunked("0\r\nx: y\r\n z\r\n\r\n")),
  { ...hostile("A37", "trailers over the limit of headers", chunked(`0\r\nx: ${"y".repeat(9_000)}\r\n\r\n`), 431) },
  hostile("A38", "a bare CR in a header value", get(`${host}X: a\rb\r\n`)),
  hostile("A38", "a bare LF in a header value", get(`${host}X: a\nb: c\r\n`)),
  hostile("A38", "a NUL in a header value", get(`${host}X: a\0b\r\n`)),
  hostile("A38", "a CR CR LF", get(`${host}X: a\r\r\n`)),
  hostile("A38", "a LF for a line end", `GET /p HTTP/1.1\n${host}\n`),
  hostile("A38", "a LF behind the request line", `GET /p HTTP/1.1\n${host}\r\n`),
  hostile("A38", "a LF for the end of the head", `GET /p HTTP/1.1\r\n${host}\n`),
  hostile("A38", "a CR and something else for the end of the head", `GET /p HTTP/1.1\r\n${host}\rX: y\r\n\r\n`),
  hostile("A38", "a DEL in a header value", get(`${host}X: a\x7fb\r\n`)),
  hostile("A39", "a header line without a colon", get(`${host}nothing\r\n`)),
  hostile("A39", "a header line without a name", get(`${host}: x\r\n`)),
  hostile("A39", "a header name with a space", get(`${host}a b: x\r\n`)),
  hostile("A39", "a header name with 0x85", get(`${host}a\x85: x\r\n`)),
  hostile("A39", "a header name with parentheses", get(`${host}a(b): x\r\n`)),
  hostile("A39", "a header name with a NUL", get(`${host}a\0: x\r\n`)),
  hostile("A39", "a header name in quotes", get(`${host}"a": x\r\n`)),
  hostile("A40", "a first header line that begins with a space", `GET /p HTTP/1.1\r\n ${host}\r\n`),
  hostile("A40", "a first header line that begins with a tab", `GET /p HTTP/1.1\r\n\tX: y\r\n${host}\r\n`),
  hostile("A41", "a folded header", get(`${host}X: a\r\n b\r\n`)),
  hostile("A41", "a header folded with a tab", get(`${host}X: a\r\n\tb\r\n`)),
  hostile("A42", "no Host", get("X: y\r\n")),
  hostile("A42", "no header at all", get("")),
  hostile("A42", "two Hosts", get(`${host}Host: other.example\r\n`)),
  hostile("A42", "two equal Hosts", get(`${host}${host}`)),
  hostile("A42", "a list as Host", get("Host: a.example, b.example\r\n")),
  hostile("A42", "a list as Host without a space", get("Host: a.example,b.example\r\n")),
  hostile("A42", "a path in Host", get("Host: a/b\r\n")),
  hostile("A42", "a user in Host", get("Host: a@b\r\n")),
  hostile("A42", "a word as port in Host", get("Host: a:http\r\n")),
  hostile("A42", "a port of 65536 in Host", get("Host: a:65536\r\n")),
  hostile("A42", "two ports in Host", get("Host: a:80:80\r\n")),
  hostile("A42", "a port alone in Host", get("Host: :80\r\n")),
  hostile("A42", "an open bracket in Host", get("Host: [::1\r\n")),
  hostile("A42", "two Hosts in HTTP/1.0", `GET /p HTTP/1.0\r\n${host}Host: other.example\r\n\r\n`),
  hostile("A43", "an absolute target with a user", `GET http://a@b/p HTTP/1.1\r\n${host}\r\n`),
  hostile("A43", "an absolute target without a Host", "GET http://a/p HTTP/1.1\r\n\r\n"),
  hostile("A43", "an absolute target without an authority", `GET http:///p HTTP/1.1\r\n${host}\r\n`),
  hostile("A43", "an absolute target of another scheme", `GET ftp://a/p HTTP/1.1\r\n${host}\r\n`),
  hostile("A44", "HTTP/0.9", "GET /p\r\n"),
  hostile("A44", "HTTP/0.9 with its version", `GET /p HTTP/0.9\r\n${host}\r\n`),
  hostile("A44", "HTTP/1.1junk", `GET /p HTTP/1.1junk\r\n${host}\r\n`),
  hostile("A44", "HTTP/1.1 and a space", `GET /p HTTP/1.1 \r\n${host}\r\n`),
  hostile("A44", "http/1.1", `GET /p http/1.1\r\n${host}\r\n`),
  hostile("A44", "HTTP/2.0", `GET /p HTTP/2.0\r\n${host}\r\n`),
  hostile("A44", "HTTP/1.2", `GET /p HTTP/1.2\r\n${host}\r\n`),
  hostile("A44", "HTTP/11", `GET /p HTTP/11\r\n${host}\r\n`),
  hostile("A45", "two spaces before the target", `GET  /p HTTP/1.1\r\n${host}\r\n`),
  hostile("A45", "two spaces behind the target", `GET /p  HTTP/1.1\r\n${host}\r\n`),
  hostile("A45", "a tab before the target", `GET\t/p HTTP/1.1\r\n${host}\r\n`),
  hostile("A45", "a tab in the target", `GET /p\tq HTTP/1.1\r\n${host}\r\n`),
  hostile("A45", "a NUL in the target", `GET /p\0q HTTP/1.1\r\n${host}\r\n`),
  hostile("A45", "a space in the target", `GET /p q HTTP/1.1\r\n${host}\r\n`),
  hostile("A45", "a DEL in the target", `GET /p\x7fq HTTP/1.1\r\n${host}\r\n`),
  hostile("A45", "a byte beyond ASCII in the target", `GET /p\xe9 HTTP/1.1\r\n${host}\r\n`),
  hostile("A45", "a space before the method", ` GET /p HTTP/1.1\r\n${host}\r\n`),
  hostile("A45", "empty lines without end", `${"\r\n".repeat(9)}GET /p HTTP/1.1\r\n${host}\r\n`),
  hostile("A46", "a target without a slash", `GET p HTTP/1.1\r\n${host}\r\n`),
  hostile("A46", "a target with a fragment", `GET /p#f HTTP/1.1\r\n${host}\r\n`),
  hostile("A46", "an asterisk for a method other than OPTIONS", `GET * HTTP/1.1\r\n${host}\r\n`),
  hostile("A46", "a target of ?", `GET ?x HTTP/1.1\r\n${host}\r\n`),
  hostile("A47", "a method with a character that may not stand there", `G{T /p HTTP/1.1\r\n${host}\r\n`),
  hostile("A47", "a method with a character beyond ASCII", `G\xcbT /p HTTP/1.1\r\n${host}\r\n`),
  hostile("A48", "the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  hostile("A49", "CONNECT", "CONNECT web.example:443 HTTP/1.1\r\nHost: web.example:443\r\n\r\n", 405),
  hostile("A53", "a request line over its limit", `GET /${"a".repeat(4_096)} HTTP/1.1\r\n${host}\r\n`, 414),
  hostile("A53", "a request line that does not end", `GET /${"a".repeat(5_000)}`, 414),
  hostile("A53", "a method that does not end", "A".repeat(5_000), 414),
  hostile("A53", "a header over the limit of all", get(`${host}X: ${"a".repeat(8_192)}\r\n`), 431),
  hostile("A53", "headers over their limit together", get(`${host}${`X: ${"a".repeat(90)}\r\n`.repeat(90)}`), 431),
  hostile("A53", "a header name that does not end", `GET /p HTTP/1.1\r\n${host}${"a".repeat(9_000)}`, 431),
  hostile("A54", "more than 1,000 header lines", get(`${host}${"a:\r\n".repeat(1_000)}`), 431),
  hostile("A56", "an expectation that nobody knows", post("Expect: 200-ok\r\nContent-Length: 1\r\n", "a"), 417),
  hostile(
    "A56",
    "two expectations",
    post("Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 1\r\n", "a"),
    417,
  ),
  hostile("TLS", "the first record of a TLS client", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"),
];

export interface ValidPayload {
  readonly what: string;
  readonly bytes: string;
}

/** Every shape of request that is taken. */
export const validPayloads: readonly ValidPayload[] = [
  { what: "a plain GET", bytes: `GET /p?q=1 HTTP/1.1\r\n${host}\r\n` },
  {
    what: "a GET with many headers",
    bytes: get(
      `${host}Accept: */*\r\nUser-Agent: \tx y \t\r\nX-Empty:\r\nCookie: a=1; b=\xe9\r\nx-many: 1\r\nX-Many: 2\r\n`,
    ),
  },
  {
    what: "a POST with a length",
    bytes: post("Content-Length: 11\r\nContent-Type: text/plain\r\n", "hello\r\n\r\nyou".slice(0, 11)),
  },
  { what: "a POST with the length 0", bytes: post("Content-Length: 0\r\n") },
  { what: "a POST with a length with leading zeros", bytes: post("Content-Length: 0003\r\n", "abc") },
  {
    what: "A28: a length that Connection names",
    bytes: post("Connection: content-length, host\r\nContent-Length: 3\r\n", "abc"),
  },
  { what: "a chunked POST", bytes: chunked("5\r\nhello\r\n1\r\n \r\nA\r\n0123456789\r\n0\r\n\r\n") },
  { what: "a chunked POST in odd case", bytes: post("transfer-ENCODING: ChunKed\r\n", "a\r\n0123456789\r\n0\r\n\r\n") },
  { what: "a chunked POST without content", bytes: chunked("0\r\n\r\n") },
  { what: "A35: chunk sizes with leading zeros", bytes: chunked("0005\r\nhello\r\n000\r\n\r\n") },
  { what: "A34: chunk extensions", bytes: chunked('5;a\r\nhello\r\n3;b=c;d="e\\"f;"\r\nabc\r\n0;z\r\n\r\n') },
  {
    what: "A36: trailers, of which some are dropped",
    bytes: chunked(
      "2\r\nab\r\n0\r\nx-sum: 1\r\nContent-Length: 9\r\nHost: evil\r\nTransfer-Encoding: chunked\r\nl5d-dtab: /a=>/b\r\n\r\n",
    ),
  },
  { what: "A43: an absolute target", bytes: `GET http://other.example:81/p?q HTTP/1.1\r\n${host}\r\n` },
  { what: "A43: an absolute target without a path", bytes: `GET http://other.example?q HTTP/1.1\r\n${host}\r\n` },
  { what: "A47: a method nobody knows", bytes: `BREW!# /pot HTTP/1.1\r\n${host}\r\n` },
  { what: "OPTIONS *", bytes: `OPTIONS * HTTP/1.1\r\n${host}\r\n` },
  { what: "HEAD", bytes: `HEAD /p HTTP/1.1\r\n${host}\r\n` },
  {
    what: "A50: an upgrade that is not taken up",
    bytes: get(`${host}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n`),
  },
  { what: "an IPv6 Host", bytes: get("Host: [2001:db8::1]:8080\r\n") },
  { what: "an empty Host", bytes: get("Host:\r\n") },
  { what: "a Host with a port", bytes: get("Host: Web_1.Example.:8080\r\n") },
  { what: "HTTP/1.0 without Host", bytes: "GET /p HTTP/1.0\r\n\r\n" },
  { what: "HTTP/1.0 that is kept alive", bytes: `GET /p HTTP/1.0\r\n${host}Connection: Keep-Alive\r\n\r\n` },
  { what: "HTTP/1.0 with a body", bytes: `POST /p HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc` },
  { what: "an empty line before the request", bytes: `\r\n${get(host)}` },
  { what: "A51: two requests", bytes: `${get(host)}GET /2 HTTP/1.1\r\n${host}\r\n` },
  {
    what: "A51: three requests with bodies",
    bytes: post("Content-Length: 3\r\n", "abc") + chunked("1\r\nx\r\n0\r\n\r\n") + get(host),
  },
  { what: "A52: a request that closes, and bytes behind it", bytes: get(`${host}Connection: close\r\n`) + get(host) },
  { what: "a request and a hostile one", bytes: `${get(host)}GET /p\tq HTTP/1.1\r\n${host}\r\n` },
  {
    what: "A56: an expectation, and the body at once",
    bytes: post("Expect: 100-Continue\r\nContent-Length: 3\r\n", "abc"),
  },
  { what: "a request line at its limit", bytes: `GET /${"a".repeat(4_096 - 14)} HTTP/1.1\r\n${host}\r\n` },
  { what: "a request without its end", bytes: `GET /p HTTP/1.1\r\n${host}` },
  { what: "a request without the end of its body", bytes: post("Content-Length: 10\r\n", "abc") },
];
