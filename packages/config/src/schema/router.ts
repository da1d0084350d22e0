import type { Dtab, Path } from "@weftmesh/naming";
import * as z from "zod";
import type { PluginSource } from "../plugin.ts";
import { type Chosen, pluginPosition } from "../plugin-position.ts";
import { Count, DtabType, DurationMs, DurationSecs, Flag, PathType, TextType } from "../types.ts";
import { type Announcer, announcersSchema } from "./announcers.ts";
import { type ClientConfig, clientKeys } from "./client.ts";
import { type ProfileName, profileSchema } from "./profile.ts";
import { type ServerConfig, serverKeys } from "./server.ts";
import { type ServiceConfig, serviceKeys } from "./service.ts";
import { type StackEdits, stackEditsSchema } from "./stack-edits.ts";
import { type StaticConfigs, staticConfigsSchema } from "./static-configs.ts";
import { unsupported } from "./unsupported.ts";

/** How many names, trees, bound names and clients a router keeps, and for how long unused. */
export interface BindingCacheConfig {
  readonly paths: number;
  readonly trees: number;
  readonly bounds: number;
  readonly clients: number;
  readonly idleTtlSecs: number;
}

/** The keys of a router that every protocol has. */
export interface RouterConfig<Server = ServerConfig, Client = ClientConfig, Service = ServiceConfig> {
  readonly label?: string | undefined;
  readonly servers: readonly Server[];
  readonly service?: StaticConfigs<Service> | undefined;
  readonly client?: StaticConfigs<Client> | undefined;
  readonly dtab: Dtab;
  readonly dstPrefix: Path;
  /** The `default` interpreter when absent. */
  readonly interpreter?: Chosen<"interpreter"> | undefined;
  readonly announcers?: readonly Announcer[] | undefined;
  readonly bindingTimeoutMs: number;
  readonly bindingCache: BindingCacheConfig;
  readonly originator: boolean;
  readonly profile?: ProfileName | undefined;
  /** False: the delegations of a request may not lead to an address that they name. */
  readonly allowInetFromOverride: boolean;
  /** False: nor to this host, its link, or the metadata of a cloud, whoever knows the name. */
  readonly allowLocalFromOverride: boolean;
  readonly stack?: StackEdits | undefined;
}

/** What a protocol adds to the keys that all have. */
export interface ProtocolKeys<
  Router extends z.ZodRawShape,
  Server extends z.ZodRawShape,
  Client extends z.ZodRawShape,
  Service extends z.ZodRawShape,
> {
  readonly defaultPort: number;
  readonly router: Router;
  readonly server: Server;
  /** All optional and without defaults: entries are merged before anything falls back. */
  readonly client: Client;
  readonly service: Service;
}

/** The values of some keys. */
export type Keys<Shape extends z.ZodRawShape> = z.output<z.ZodObject<Shape>>;

const bindingCacheSchema = () =>
  z.strictObject({
    paths: Count.default(1000).describe("Most names that are kept"),
    trees: Count.default(1000).describe("Most bound trees that are kept"),
    bounds: Count.default(1000).describe("Most bound names that are kept"),
    clients: Count.default(1000).describe("Most clients that are kept"),
    idleTtlSecs: DurationSecs.default(600).describe("Drop what was not used for this long"),
  });

/** The schema of a protocol plugin: the keys of every router, and the protocol's own at each level. */
export function routerSchema<
  Router extends z.ZodRawShape,
  Server extends z.ZodRawShape,
  Client extends z.ZodRawShape,
  Service extends z.ZodRawShape,
>(
  plugins: PluginSource,
  protocol: ProtocolKeys<Router, Server, Client, Service>,
): z.ZodType<
  RouterConfig<ServerConfig & Keys<Server>, ClientConfig & Keys<Client>, ServiceConfig & Keys<Service>> & Keys<Router>
> {
  const server = z.strictObject({ ...serverKeys(protocol.defaultPort), ...protocol.server });
  const client = staticConfigsSchema("client", { ...clientKeys(), ...protocol.client });
  const service = staticConfigsSchema("service", { ...serviceKeys(plugins), ...protocol.service });
  return z.strictObject({
    label: TextType.optional().describe("Name of the router in metrics and admin pages; the protocol when absent"),
    servers: z
      .array(server)
      .default([])
      .meta({ description: "Where the router listens; at least one", expects: "a list of servers" }),
    service: service.optional().describe("How requests for logical names are treated"),
    client: client.optional().describe("How destinations are talked to"),
    dtab: DtabType.prefault("").describe("Delegations of every request"),
    dstPrefix: PathType.prefault("/svc").describe("Stands before every name that an identifier gives"),
    interpreter: pluginPosition(plugins, "interpreter")
      .optional()
      .meta({ description: "Who binds names", default: { kind: "default" } }),
    announcers: unsupported("router.announcers", announcersSchema()).optional().describe("Who tells of our servers"),
    bindingTimeoutMs: DurationMs.default(10_000).describe("Longest time to bind a name and to get a client for it"),
    bindingCache: bindingCacheSchema().prefault({}).describe("What is kept of the names that were bound"),
    profile: profileSchema()
      .optional()
      .describe("Defaults of the router and its servers for an occasion (not in Linkerd)"),
    allowInetFromOverride: Flag.default(true).describe(
      "Delegations of a request may lead to any address they name: /$/inet and its like (not in Linkerd)",
    ),
    allowLocalFromOverride: Flag.default(true).describe(
      "Delegations of a request may lead to loopback, link-local and metadata addresses (not in Linkerd)",
    ),
    originator: Flag.default(false).describe("Requests begin their way here: marks traces and a gauge"),
    stack: stackEditsSchema(plugins).optional().describe("Changes to the stacks of the router (not in Linkerd)"),
    ...protocol.router,
  }) as never;
}
