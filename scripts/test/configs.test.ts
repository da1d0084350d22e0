import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type AnyPlugin,
  profileSettings,
  Registry,
  readConfig,
  validateConfig,
} from "../../packages/config/src/index.ts";
import { type Profile, profiles } from "../../packages/config/src/profiles.ts";
import { standardPlugins } from "../../plugins/standard/src/index.ts";
import { plugins as examplePlugins } from "../../templates/plugin/src/index.ts";
import { filesBelow, root } from "../workspace.ts";

const registry = Registry.of([...standardPlugins, ...(examplePlugins as readonly AnyPlugin[])]);

/** The `yaml` blocks of a page that are whole configs: those with routers that have servers. */
function configsOf(page: string): readonly string[] {
  const text = readFileSync(join(root, page), "utf8");
  return [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)]
    .map((match) => match[1] ?? "")
    .filter((each) => /^routers:/m.test(each) && each.includes("servers:"));
}

const pages = [
  "README.md",
  ...filesBelow("docs", /^docs\/(?!reference\/).*\.md$/),
  ...filesBelow("templates", /\.md$/),
  ...filesBelow("packages", /README\.md$/),
  ...filesBelow("plugins", /README\.md$/),
];
const shown = pages.flatMap((page) => configsOf(page).map((text, i) => [`${page}, config ${i + 1}`, text] as const));

describe("the configs that the pages show", () => {
  it("are there", () => {
    expect(configsOf("README.md").length).toBeGreaterThan(0);
    expect(configsOf("templates/plugin/README.md").length).toBeGreaterThan(0);
  });

  it.each(shown)("%s: is good", (name, text) => {
    expect(() => validateConfig(text, name, registry)).not.toThrow();
  });

  it("would be found out when they are not", () => {
    expect(() => validateConfig("routers:\n- protocol: http\n  server: []\n", "planted", registry)).toThrow(/planted/);
  });
});

describe("the profile for the edge", () => {
  it("is good for routers of both protocols, and each of its keys is one of theirs or of the process", () => {
    const router = (protocol: string, port: number): string =>
      `- { protocol: ${protocol}, profile: edge, dtab: /svc => /$/nil, servers: [{ port: ${port} }] }\n`;
    const config = readConfig(`routers:\n${router("http", 1)}${router("h2", 2)}`, "edge.yaml", registry);
    const uses = profileSettings(config);
    expect(uses.map(({ keyPath }) => keyPath)).toEqual([
      "routers[0]",
      "routers[0].servers[0]",
      "routers[1]",
      "routers[1].servers[0]",
      "",
    ]);
    const set = uses.flatMap(({ settings }) => settings.map(({ keyPath }) => keyPath));
    const { process, router: ofRouter, server } = profiles.get("edge") as Profile;
    const unknown = [...process, ...ofRouter, ...server]
      .map(({ path }) => path.join("."))
      .filter((key) => !set.some((keyPath) => keyPath === key || keyPath.endsWith(`.${key}`)));
    expect(unknown).toEqual([]);
    expect(set).toContain("routers[0].servers[0].slowClients.minResponseBytesPerSec");
    expect(set).toContain("routers[1].servers[0].slowClients.minResponseBytesPerSec");
    expect(set).toContain("routers[1].servers[0].maxConcurrentStreamsPerConnection");
  });
});

describe("the configs that the examples run", () => {
  const files = filesBelow("docs/examples", /\.yaml$/).filter((file) => !file.includes("custom-proxy"));

  it.each(files)("%s: is good", (file) => {
    expect(() => validateConfig(readFileSync(join(root, file), "utf8"), file, registry)).not.toThrow();
  });
});
