import { textOf } from "@weftmesh/config";
import { type HttpRequest, headerName } from "@weftmesh/http";
import type * as z from "zod";

const pseudo: Readonly<Record<string, (req: HttpRequest) => string>> = {
  ":authority": (req) => req.authority,
  ":path": (req) => req.path,
  ":method": (req) => req.method,
  ":scheme": (req) => req.scheme,
};

/** The name of a header, in any case, or of a pseudo-header of a request. */
export const FieldNameType: z.ZodType<string> = textOf(
  (text) => {
    const lower = text.toLowerCase();
    if (!Object.hasOwn(pseudo, lower)) headerName(text);
    return lower;
  },
  "the name of a header, or one of :authority, :path, :method, :scheme",
  ":authority",
);

/** How the value of that field is read from a request: undefined where it is absent or empty. */
export function fieldReader(name: string): (req: HttpRequest) => string | undefined {
  const own = pseudo[name];
  if (own !== undefined) return (req) => own(req) || undefined;
  const declared = headerName(name);
  // A request that came by HTTP/2 need not have a `host`: the authority is what it says.
  if (declared.lower === "host") return (req) => req.authority || undefined;
  return (req) => req.headers.get(declared) || undefined;
}
