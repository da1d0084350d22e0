import { create, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { type AnyDefinition, loadFileDescriptorSetFromBuffer, type ServiceDefinition } from "@grpc/proto-loader";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { protoFile, serviceDefinition, serviceOf } from "../src/index.ts";

const file = protoFile({
  name: "weftmesh/test/all.proto",
  package: "weftmesh.test",
  enums: { Kind: { NONE: 0, SOME: 1, OTHER: 7 }, "Outer.Mode": { OFF: 0, ON: 1 } },
  messages: {
    Outer: {
      text: { no: 1, type: "string" },
      raw: { no: 2, type: "bytes" },
      flag: { no: 3, type: "bool" },
      small: { no: 4, type: "int32" },
      count: { no: 5, type: "uint32" },
      ratio: { no: 6, type: "double" },
      kind: { no: 7, type: "Kind" },
      mode: { no: 8, type: "Outer.Mode" },
      many: { no: 9, type: "int32", repeated: true },
      inner: { no: 10, type: "Outer.Inner" },
      some_inners: { no: 11, type: "Outer.Inner", repeated: true },
      by_name: { no: 12, type: "Outer.Inner", mapKey: "string" },
      this_one: { no: 100, type: "string", oneof: "either" },
      that_one: { no: 101, type: "int32", oneof: "either" },
    },
    "Outer.Inner": { name: { no: 1, type: "string" } },
  },
  services: { All: { Do: { request: "Outer", response: "Outer" } } },
});

const ours = serviceDefinition(serviceOf(file, "All"))["do"];
/** protobufjs, which reads the descriptor that reflection serves. */
const set = toBinary(
  FileDescriptorSetSchema,
  create(FileDescriptorSetSchema, { file: [create(FileDescriptorProtoSchema, file.proto)] }),
);
const loaded: Record<string, AnyDefinition> = loadFileDescriptorSetFromBuffer(Buffer.from(set), { oneofs: true });
const theirs = (loaded["weftmesh.test.All"] as ServiceDefinition)["Do"];

const arbName = fc.record({ name: fc.string({ unit: "grapheme" }) });
const arbMessage = fc.record(
  {
    text: fc.string({ unit: "grapheme" }),
    raw: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    flag: fc.boolean(),
    small: fc.integer(),
    count: fc.nat(),
    ratio: fc.double({ noNaN: true }).filter((each) => !Object.is(each, -0)),
    kind: fc.constantFrom(0, 1, 7),
    mode: fc.constantFrom(0, 1),
    many: fc.array(fc.integer()),
    inner: arbName,
    someInners: fc.array(arbName),
    byName: fc.dictionary(
      fc.string({ unit: "grapheme-ascii" }).filter((key) => key !== "__proto__"),
      arbName,
    ),
    thatOne: fc.integer(),
  },
  { requiredKeys: [] },
);

describe("a file of descriptors written in code", () => {
  it("gives bytes that protobufjs reads as the same message, and back", () => {
    expect(ours).toBeDefined();
    expect(theirs).toBeDefined();
    fc.assert(
      fc.property(arbMessage, ({ thatOne, ...fields }) => {
        const mine = thatOne === undefined ? fields : { ...fields, either: { case: "thatOne", value: thatOne } };
        const bytes = ours?.requestSerialize(mine);
        const read = theirs?.requestDeserialize(bytes as Buffer) as Record<string, unknown>;
        for (const [camel, value] of Object.entries(fields)) {
          // From a descriptor, it takes the names as they are in the file.
          const name = snake(camel);
          // A message without its defaults: what is not there is what proto3 leaves out.
          // From a descriptor, a map is to it the list of entries that it is on the wire.
          if (camel === "byName" && read[name] !== undefined) {
            const entries = read[name] as readonly { key?: string; value?: unknown }[];
            expect(plain(Object.fromEntries(entries.map(({ key = "", value }) => [key, value])))).toEqual(plain(value));
          } else if (read[name] === undefined) expect(isDefault(value)).toBe(true);
          else expect(plain(read[name])).toEqual(plain(value));
        }
        expect(read["that_one"]).toBe(thatOne);
        const again = ours?.responseDeserialize(theirs?.responseSerialize(read) as Buffer);
        expect(ours?.requestSerialize(again)).toEqual(bytes);
      }),
      { numRuns: 300 },
    );
  });

  it("has the paths and the kinds of its methods", () => {
    expect(ours).toMatchObject({ path: "/weftmesh.test.All/Do", requestStream: false, responseStream: false });
    expect(theirs?.path).toBe(ours?.path);
  });

  it("refuses types that there are not", () => {
    const spec = (type: string) => ({ name: "x.proto", package: "x", messages: { A: { f: { no: 1, type } } } });
    expect(() => protoFile(spec("Missing"))).toThrow("there is no type Missing in the package x");
    expect(() => protoFile(spec("constructor"))).toThrow(TypeError);
    expect(() => protoFile({ name: "x.proto", package: "x", messages: { "A.B": {} } })).toThrow("nested");
    expect(() => serviceOf(file, "None")).toThrow("has no service None");
  });
});

function isDefault(value: unknown): boolean {
  return (
    value === 0 || value === "" || value === false || (value as { length?: number }).length === 0 || isEmpty(value)
  );
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** Without prototypes and without empty strings, which one of the two leaves out. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  return JSON.parse(JSON.stringify(value, (_key, each: unknown) => (each === "" ? undefined : each)));
}
