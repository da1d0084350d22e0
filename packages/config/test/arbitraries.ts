import fc from "fast-check";

const pieces = [
  "routers:",
  "\n",
  "  ",
  "- ",
  "protocol: http",
  "servers:",
  "{",
  "}",
  "[",
  "]",
  ": ",
  "port: 4140",
  "kind: io.l5d.fs",
  "namers:",
  "|",
  ">-",
  "'",
  '"',
  "\\x41",
  "&a ",
  "*a",
  "<<: *a",
  "!!str ",
  "!x",
  "#",
  "? ",
  "---",
  "...",
  "%YAML 1.1",
  "\t",
  "\r\n",
  "\uFEFF",
  "\u0000",
  "__proto__: ",
  "dtab: ",
  "/svc => /x;",
  "null",
  "~",
  "1e400",
  "-1",
  "@",
  "`",
  "\u2028",
  "\ud800",
  "admin:",
  "{}",
  "[]",
  ",",
  "stack:",
];

/** Texts that are nearly configs, and texts that are nothing. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc
    .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 4 })), { maxLength: 40 })
    .map((parts) => parts.join("")),
  fc.string({ unit: "binary", maxLength: 60 }),
);

const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,6}$/);
const path = fc.array(word, { minLength: 1, maxLength: 3 }).map((elems) => `/${elems.join("/")}`);
const port = fc.integer({ min: 1, max: 65_535 });
const ms = fc.integer({ min: 0, max: 100_000 });
const partial = <T extends object>(
  shape: { [K in keyof T]: fc.Arbitrary<T[K]> },
  required: readonly (keyof T)[] = [],
) => fc.record(shape, { requiredKeys: [...required] as never });

const socketOptions = partial({
  noDelay: fc.boolean(),
  reusePort: fc.boolean(),
  readTimeoutMs: ms,
  backlog: fc.nat(1000),
});
const clientKeys = {
  loadBalancer: fc.oneof(
    partial({ kind: fc.constant("p2c"), maxEffort: fc.nat(9) }, ["kind"]),
    partial({ kind: fc.constant("ewma"), decayTimeMs: ms, enableProbation: fc.constant(false) }, ["kind"]),
  ),
  hostConnectionPool: partial({ minSize: fc.nat(3), maxSize: fc.integer({ min: 3, max: 9 }), idleTimeMs: ms }),
  requestAttemptTimeoutMs: ms,
  failFast: fc.constant(false),
  socketOptions,
};
const client = fc.oneof(
  partial({ kind: fc.constant("io.l5d.global"), ...clientKeys }),
  fc.record({
    kind: fc.constant("io.l5d.static"),
    configs: fc.array(partial({ prefix: path, ...clientKeys }, ["prefix"]), { maxLength: 3 }),
  }),
);
const identifier = fc.oneof(
  partial({ kind: fc.constant("io.l5d.header.token"), header: word, experimental: fc.boolean() }, ["kind"]),
  partial({ kind: fc.constant("io.l5d.path"), segments: fc.integer({ min: 1, max: 4 }), consume: fc.boolean() }, [
    "kind",
  ]),
);
const module = partial({ kind: fc.constant("com.example.audit"), scope: word, level: fc.constantFrom("low", "high") }, [
  "kind",
]);
const stack = partial({
  client: fc.array(
    fc.oneof(
      fc.record({ before: word, insert: module }),
      fc.record({ after: word, insert: module }),
      fc.record({ replace: word, with: module }),
      fc.record({ remove: word }),
      fc.record({ set: word, params: fc.dictionary(word, fc.oneof(word, fc.nat(), fc.boolean()), { maxKeys: 2 }) }),
    ),
    { maxLength: 3 },
  ),
});
const router = partial(
  {
    protocol: fc.constant("http"),
    dstPrefix: path,
    dtab: path.map((dst) => `/svc => ${dst};`),
    bindingTimeoutMs: ms,
    bindingCache: partial({ paths: fc.nat(100), idleTtlSecs: fc.nat(100) }),
    originator: fc.boolean(),
    identifier: fc.oneof(identifier, fc.array(identifier, { minLength: 1, maxLength: 2 })),
    interpreter: fc.constant({ kind: "default" }),
    client,
    service: partial({ totalTimeoutMs: ms, responseClassifier: fc.constant({ kind: "io.l5d.http.nonRetryable5XX" }) }),
    stack,
    maxHeadersKB: fc.nat(100),
  },
  ["protocol"],
);

/** Configs that are right for the sample registry, as JSON values. */
export const anyConfig: fc.Arbitrary<Record<string, unknown>> = fc
  .record({
    routers: fc.array(router, { minLength: 1, maxLength: 3 }),
    ports: fc.uniqueArray(port, { minLength: 5, maxLength: 5 }),
    rest: partial({
      namers: fc.array(
        fc.oneof(
          partial({ kind: fc.constant("io.l5d.fs"), rootDir: word, prefix: path }, ["kind", "rootDir"]),
          fc.record({ kind: fc.constant("com.example.vault"), experimental: fc.constant(true), token: word }),
        ),
        { maxLength: 2 },
      ),
      telemetry: fc.array(partial({ kind: fc.constant("io.l5d.prometheus"), prefix: word }, ["kind"]), {
        maxLength: 2,
      }),
      usage: partial({ orgId: word, enabled: fc.boolean() }),
      plugins: fc.array(word, { maxLength: 2 }),
    }),
    admin: partial({
      workerThreads: fc.integer({ min: 1, max: 4 }),
      shutdownGraceMs: ms,
      security: partial({ uiEnabled: fc.boolean(), pathBlacklist: fc.constant(["/a/.*"]) }),
    }),
  })
  .map(({ routers, ports, rest, admin }) => ({
    admin: { ...admin, port: ports[4] },
    ...rest,
    routers: routers.map((each, index) => ({ ...each, label: `r${index}`, servers: [{ port: ports[index] }] })),
  }));
