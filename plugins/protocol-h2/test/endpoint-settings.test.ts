import { defaultEndpointOptions } from "@weftmesh/transport-http2";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { serverEndpointKeys } from "../src/endpoint-settings.ts";

describe("the endpoint keys of an h2 server", () => {
  it("have the transport's own defaults", () => {
    expect(defaultEndpointOptions).toMatchObject(z.strictObject(serverEndpointKeys()).parse({}));
  });
});
