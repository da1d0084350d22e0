import { create, createFileRegistry, type DescFile, type FileRegistry } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  EnumDescriptorProtoSchema,
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  ServiceDescriptorProtoSchema,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";

const scalars: ReadonlyMap<string, Type> = new Map(
  Object.entries({
    bool: Type.BOOL,
    bytes: Type.BYTES,
    double: Type.DOUBLE,
    float: Type.FLOAT,
    int32: Type.INT32,
    int64: Type.INT64,
    string: Type.STRING,
    uint32: Type.UINT32,
    uint64: Type.UINT64,
  }),
);

/** One field of a message. `type` is a scalar's name, or that of a message or enum: of the file, or with its package. */
export interface ProtoField {
  readonly no: number;
  readonly type: string;
  readonly repeated?: boolean;
  /** Fields with the same word here are alternatives. */
  readonly oneof?: string;
  /** Makes it a map from this scalar to `type`. */
  readonly mapKey?: string;
}

export interface ProtoMethod {
  readonly request: string;
  readonly response: string;
  /** Whether the client sends a stream of messages. */
  readonly clientStream?: boolean;
  readonly serverStream?: boolean;
}

/** A file in the language proto3. Nested types are named with their message: `Outer.Inner`, behind `Outer`. */
export interface ProtoFileSpec {
  readonly name: string;
  readonly package: string;
  /** Files whose types are used. */
  readonly imports?: readonly DescFile[];
  readonly enums?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly messages: Readonly<Record<string, Readonly<Record<string, ProtoField>>>>;
  readonly services?: Readonly<Record<string, Readonly<Record<string, ProtoMethod>>>>;
}

/**
 * The descriptor of a file that is written in code, for services without generated code.
 *
 * Errors: TypeError for a type that neither the file nor its imports have, and for a nested type without its message.
 */
export function protoFile(spec: ProtoFileSpec): DescFile {
  const file = fileOf(spec);
  const imports = spec.imports ?? [];
  const registry: FileRegistry = createFileRegistry(file, (name) => imports.find((each) => each.proto.name === name));
  const made = registry.getFile(file.name);
  if (made === undefined) throw new TypeError(`the descriptor of ${file.name} is missing`);
  return made;
}

function fileOf(spec: ProtoFileSpec): FileDescriptorProto {
  const { name, messages, enums = {}, services = {}, imports = [] } = spec;
  const file = create(FileDescriptorProtoSchema, {
    name,
    package: spec.package,
    syntax: "proto3",
    dependency: imports.map((each) => each.proto.name),
  });
  const made = new Map<string, DescriptorProto>();
  for (const [full, fields] of Object.entries(messages)) {
    const message = messageOf(spec, full, fields);
    made.set(full, message);
    (outerOf(made, full)?.nestedType ?? file.messageType).push(message);
  }
  for (const [full, values] of Object.entries(enums)) {
    const value = Object.entries(values).map(([each, number]) => ({ name: each, number }));
    const listed = outerOf(made, full)?.enumType ?? file.enumType;
    listed.push(create(EnumDescriptorProtoSchema, { name: lastOf(full), value }));
  }
  for (const [service, methods] of Object.entries(services)) {
    const method = Object.entries(methods).map(([each, { request, response, clientStream, serverStream }]) => ({
      name: each,
      inputType: typeName(spec, request).name ?? request,
      outputType: typeName(spec, response).name ?? response,
      clientStreaming: clientStream === true,
      serverStreaming: serverStream === true,
    }));
    file.service.push(create(ServiceDescriptorProtoSchema, { name: service, method }));
  }
  return file;
}

function messageOf(spec: ProtoFileSpec, full: string, fields: Readonly<Record<string, ProtoField>>): DescriptorProto {
  const oneofs = [...new Set(Object.values(fields).flatMap(({ oneof }) => (oneof === undefined ? [] : [oneof])))];
  const message = create(DescriptorProtoSchema, { name: lastOf(full), oneofDecl: oneofs.map((name) => ({ name })) });
  for (const [name, { no, type, repeated, oneof, mapKey }] of Object.entries(fields)) {
    let ref = typeName(spec, type);
    if (mapKey !== undefined) {
      const entry = `${camel(name)}Entry`;
      const field = [fieldOf("key", 1, typeName(spec, mapKey)), fieldOf("value", 2, ref)];
      message.nestedType.push(create(DescriptorProtoSchema, { name: entry, options: { mapEntry: true }, field }));
      ref = { type: Type.MESSAGE, name: `.${spec.package}.${full}.${entry}` };
    }
    const field = fieldOf(name, no, ref);
    if (repeated === true || mapKey !== undefined) field.label = Label.REPEATED;
    if (oneof !== undefined) field.oneofIndex = oneofs.indexOf(oneof);
    message.field.push(field);
  }
  return message;
}

interface TypeRef {
  readonly type: Type;
  /** With its package and a dot before it; undefined for a scalar. */
  readonly name: string | undefined;
}

function fieldOf(name: string, number: number, { type, name: named }: TypeRef): FieldDescriptorProto {
  const field = create(FieldDescriptorProtoSchema, { name, number, type, label: Label.OPTIONAL });
  if (named !== undefined) field.typeName = named;
  return field;
}

function typeName({ package: pkg, messages, enums = {}, imports = [] }: ProtoFileSpec, type: string): TypeRef {
  const scalar = scalars.get(type);
  if (scalar !== undefined) return { type: scalar, name: undefined };
  if (Object.hasOwn(messages, type)) return { type: Type.MESSAGE, name: `.${pkg}.${type}` };
  if (Object.hasOwn(enums, type)) return { type: Type.ENUM, name: `.${pkg}.${type}` };
  for (const { messages: theirs, enums: theirEnums } of imports) {
    if (theirs.some((each) => each.typeName === type)) return { type: Type.MESSAGE, name: `.${type}` };
    if (theirEnums.some((each) => each.typeName === type)) return { type: Type.ENUM, name: `.${type}` };
  }
  throw new TypeError(`there is no type ${type} in the package ${pkg}, nor in what it imports`);
}

function outerOf(made: ReadonlyMap<string, DescriptorProto>, full: string): DescriptorProto | undefined {
  const dot = full.lastIndexOf(".");
  if (dot === -1) return undefined;
  const outer = made.get(full.slice(0, dot));
  if (outer === undefined) throw new TypeError(`${full} is nested in a message that does not come before it`);
  return outer;
}

function lastOf(full: string): string {
  return full.slice(full.lastIndexOf(".") + 1);
}

/** `some_name` as `SomeName`. */
function camel(name: string): string {
  return name.replace(/(?:^|_)([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase());
}
