import { ConfigError, readConfig } from "@weftmesh/config";
import { describe, expect, it } from "vitest";
import type { HttpConfig } from "../src/index.ts";
import { registry } from "./registry.ts";

const read = (server: string, client = ""): HttpConfig => {
  const text = `routers:\n- protocol: http\n  servers: [{ port: 0${server} }]\n${client}`;
  return readConfig(text, "weft.yaml", registry).config.routers[0]?.config as HttpConfig;
};

/** What is said of a config that is not taken. */
function mistakesIn(server: string, client = ""): readonly string[] {
  try {
    read(server, client);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.issues.map(({ message }) => message);
    throw error;
  }
}

describe("the versions of HTTP that a config names", () => {
  it("are those that Linkerd has where nothing is said", () => {
    expect(read("").servers[0]?.protocols).toEqual(["http1"]);
  });

  it.each(["[http1]", "[h2]", "[http1, h2]", "[h2, h2cUpgrade]", "[h2cUpgrade, http1, h2]"])(
    "may be %s",
    (protocols) => {
      expect(mistakesIn(`, protocols: ${protocols}`)).toEqual([]);
    },
  );

  it.each([
    ["[]", /must have http1 or h2/],
    ["[h2cUpgrade]", /must have http1 or h2/],
    ["[http1, h2cUpgrade]", /must have h2 for h2cUpgrade to lead there/],
    ["[http1, http1]", /one of them twice/],
    ["[http2]", /http1|h2/],
    ["http1", /a list of http1, h2 and h2cUpgrade/],
  ])("may not be %s", (protocols, message) => {
    const mistakes = mistakesIn(`, protocols: ${protocols}`);
    expect(mistakes).not.toEqual([]);
    expect(mistakes.join("\n")).toMatch(message);
  });

  it("are one alone for a client", () => {
    expect(mistakesIn("", "  client: { protocol: h2 }\n")).toEqual([]);
    expect(mistakesIn("", "  client: { protocol: upgrade }\n")).toEqual([]);
    expect(mistakesIn("", "  client: { protocol: [h2] }\n")).not.toEqual([]);
    expect(mistakesIn("", "  client: { protocol: h2cUpgrade }\n")).not.toEqual([]);
  });
});
