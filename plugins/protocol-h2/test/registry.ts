import { type AnyPlugin, definePlugin, NoKeys, Registry } from "@weftmesh/config";
import type { Classifier } from "@weftmesh/core";
import type { HttpRequest } from "@weftmesh/http";
import { DstPrefixParam, Dtab, Path } from "@weftmesh/naming";
import { h2Protocol } from "../src/h2-protocol.ts";

const byAuthority: AnyPlugin = definePlugin({
  type: "h2Identifier",
  kind: "io.l5d.header.token",
  schema: NoKeys,
  make: (_config, params) => ({
    identify: ({ authority, path, version }: HttpRequest) =>
      authority === ""
        ? { kind: "unidentified", reason: "no authority" }
        : {
            kind: "identified",
            dst: params.get(DstPrefixParam).concat(Path.of(version, authority, path)),
            dtab: Dtab.empty,
          },
  }),
});

export const strict: Classifier = { name: "strict", classify: () => "failure" };

const strictClassifier: AnyPlugin = definePlugin({
  type: "classifier",
  kind: "com.example.strict",
  schema: NoKeys,
  make: () => strict,
});

/** The protocol with the least that a config of it needs. */
export const registry: Registry = Registry.of([h2Protocol, byAuthority, strictClassifier]);
