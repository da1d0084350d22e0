import { asciiJson, escapeBare, escapeQuoted } from "./escape-field.ts";

/** What is told of one answered attempt. Texts are as they came from the wire: one character for each byte. */
export interface AccessEntry {
  readonly host: string | undefined;
  readonly remoteHost: string | undefined;
  readonly method: string;
  readonly uri: string;
  /** `1.1`. */
  readonly version: string;
  readonly status: number;
  /** As the response had it. */
  readonly contentLength: string | undefined;
  readonly referer: string | undefined;
  readonly userAgent: string | undefined;
  /** ms since the epoch when the head of the response was there. */
  readonly epochMs: number;
  /** From the request's way into the client to the head of the response. */
  readonly durationMs: number;
  readonly router: string;
  readonly service: string | undefined;
  readonly client: string | undefined;
  readonly traceId: string | undefined;
}

/** `line` is Linkerd's, `json` an object with more in it. */
export type AccessFormat = "line" | "json";

/** The line that Linkerd 1 writes, without its end; `time` is that of the entry. */
export function accessLine(entry: AccessEntry, time: string): string {
  const { host, remoteHost, method, uri, version, status, contentLength, referer, userAgent } = entry;
  const request = `${escapeQuoted(method)} ${escapeQuoted(uri)} HTTP/${version}`;
  return (
    `${bare(host)} ${bare(remoteHost)} - - [${time}] "${request}" ${status} ${bare(contentLength)} ` +
    `"${quoted(referer)}" "${quoted(userAgent)}"`
  );
}

/** The same and more as JSON, without the end of the line. What there is not is not in it. */
export function accessJson(entry: AccessEntry): string {
  const { host, remoteHost, method, uri, version, status, contentLength, referer, userAgent } = entry;
  return asciiJson({
    // biome-ignore lint/style/noRestrictedGlobals: it spells a time that the clock gave, and reads none
    time: new Date(entry.epochMs).toISOString(),
    router: entry.router,
    host,
    remoteHost,
    method,
    uri,
    version,
    status,
    contentLength,
    referer,
    userAgent,
    durationMs: Math.round(entry.durationMs * 1000) / 1000,
    service: entry.service,
    client: entry.client,
    traceId: entry.traceId,
  });
}

function bare(text: string | undefined): string {
  return text === undefined ? "-" : escapeBare(text);
}

function quoted(text: string | undefined): string {
  return text === undefined ? "-" : escapeQuoted(text);
}
