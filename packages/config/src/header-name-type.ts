import { headerName } from "@weftmesh/http";
import type * as z from "zod";
import { textOf } from "./types.ts";

/** The name of a header, in any case. One that no request can have is a mistake of the config, at its line. */
export const HeaderNameType: z.ZodType<string> = textOf(
  (text) => {
    headerName(text);
    return text;
  },
  "the name of a header",
  "Host",
);
