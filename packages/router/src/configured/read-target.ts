import { Headers, Names } from "@weftmesh/http";
import type { RequestToIdentify } from "../protocol.ts";

/** What the target and the headers of a request say. */
export interface TargetParts {
  readonly headers: Headers;
  readonly scheme: "http" | "https";
  readonly authority: string;
  readonly path: string;
}

/** By the rule of the codec of HTTP/1.1, an authority in the target counts before `Host`. */
export function readTarget({ target, headers: flat }: RequestToIdentify): TargetParts {
  const headers = Headers.of(...flat);
  const absolute = /^(https?):\/\/([^/?#]*)(.*)$/i.exec(target);
  const authority = absolute?.[2] ?? headers.get(Names.host) ?? "";
  const rest = absolute === null ? target : (absolute[3] ?? "");
  const path = rest === "" || rest.startsWith("?") ? `/${rest}` : rest;
  const scheme = absolute?.[1]?.toLowerCase() === "https" ? "https" : "http";
  return { headers, scheme, authority, path };
}
