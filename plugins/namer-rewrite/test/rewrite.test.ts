import { Registry } from "@weftmesh/config";
import { Params } from "@weftmesh/core";
import { Dtab, newInterpreter, Path, showWith } from "@weftmesh/naming";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { type RewriteNamerConfig, rewriteNamer } from "../src/index.ts";

const schema = rewriteNamer.schema as z.ZodType<RewriteNamerConfig>;

function lookup(config: object, path: string): string {
  const { namer } = rewriteNamer.make(schema.parse(config), Params.empty);
  const state = namer.lookup(Path.read(path)).sample();
  if (state.state !== "ok") return state.state;
  return showWith(state.value, (value) => (value instanceof Path ? value.show : "bound"));
}

describe("io.l5d.rewrite", () => {
  it("is a kind that a registry takes, with a prefix of its own by default", () => {
    expect(Registry.of([rewriteNamer]).kinds("namer")).toEqual(["io.l5d.rewrite"]);
    const config = schema.parse({ pattern: "/{a}", name: "/{a}" });
    expect(rewriteNamer.make(config, Params.empty).prefix.show).toBe("/io.l5d.rewrite");
  });

  it.each([
    ["/{service}/api", "/{service}", "/users/api", "/users"],
    ["/{service}/api", "/{service}", "/users/api/v1", "/users"],
    ["/{service}/api", "/{service}", "/users", "~"],
    ["/foo/*/{bar}-{bas}", "/x/{bas}/{bar}", "/foo/y/a-b", "/x/b/a"],
    ["/", "/always", "/anything", "/always"],
    ["/{a}x", "/{a}/b", "/x", "failed"],
  ])("pattern %s with name %s makes of %s: %s", (pattern, name, path, result) => {
    expect(lookup({ prefix: "/rewrite", pattern, name }, path)).toBe(result);
  });

  it("refuses a name that can never be a path, and says what there is to use", () => {
    const result = schema.safeParse({ prefix: "/r", pattern: "/{a}/{b}", name: "/{c}" });
    expect(result.error?.issues).toMatchObject([{ path: ["name"] }]);
    expect(result.error?.issues[0]?.message).toContain("the pattern captures {a}, {b}");
    expect(schema.safeParse({ prefix: "/r", pattern: "/x", name: "x" }).success).toBe(false);
    expect(schema.safeParse({ prefix: "/r", pattern: "/x", name: "/x", other: 1 }).success).toBe(false);
  });

  it("describes every key", () => {
    const described = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as {
      properties: Record<string, { description?: string }>;
    };
    expect(Object.keys(described.properties)).toEqual(["prefix", "pattern", "name"]);
    for (const key of Object.values(described.properties)) expect(key.description).toMatch(/\S/);
  });

  it("takes its result through the dtab again", () => {
    const config = schema.parse({ prefix: "/rewrite", pattern: "/{svc}/api", name: "/host/{svc}" });
    const interpreter = newInterpreter({ namers: [rewriteNamer.make(config, Params.empty)] });
    const dtab = Dtab.read("/svc => /#/rewrite; /host/users => $");
    expect(interpreter.bind(dtab, Path.read("/svc/users/api")).sample()).toMatchObject({ value: { kind: "empty" } });
    expect(interpreter.bind(dtab, Path.read("/svc/users/web")).sample()).toMatchObject({ value: { kind: "neg" } });
  });
});
