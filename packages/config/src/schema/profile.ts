import type * as z from "zod";
import { oneOf } from "../types.ts";

/** `default` is that of Linkerd; it takes one server of a router out of the router's profile. */
export type ProfileName = "default" | "edge";

export function profileSchema(): z.ZodType<ProfileName> {
  return oneOf("default", "edge");
}
