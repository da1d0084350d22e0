import { type DescExtension, type DescFile, type DescMessage, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/** Files of descriptors and all that they import, by what they are asked for. */
export class DescriptorIndex {
  readonly #files = new Map<string, DescFile>();
  readonly #symbols = new Map<string, DescFile>();
  readonly #messages = new Set<string>();
  /** By the type that is extended, then by number. */
  readonly #extensions = new Map<string, Map<number, DescFile>>();
  readonly #encoded = new Map<DescFile, Uint8Array>();

  constructor(files: Iterable<DescFile>) {
    for (const file of files) this.#add(file);
  }

  byName(name: string): DescFile | undefined {
    return this.#files.get(name);
  }

  /** The file that declares a message, field, enum, value, service, method or extension of this full name. */
  bySymbol(symbol: string): DescFile | undefined {
    return this.#symbols.get(symbol);
  }

  byExtension(typeName: string, number: number): DescFile | undefined {
    return this.#extensions.get(typeName)?.get(number);
  }

  /** Numbers of the extensions of a message, ascending; undefined when there is no such message. */
  extensionNumbers(typeName: string): readonly number[] | undefined {
    if (!this.#messages.has(typeName)) return undefined;
    return [...(this.#extensions.get(typeName)?.keys() ?? [])].sort((a, b) => a - b);
  }

  /** The file and, behind it, all that it needs, each once, as bytes. */
  encoded(file: DescFile): readonly Uint8Array[] {
    const all = new Set<DescFile>([file]);
    // A set is read to its end even while it grows.
    for (const each of all) for (const needed of each.dependencies) all.add(needed);
    return [...all].map((each) => this.#bytesOf(each));
  }

  #bytesOf(file: DescFile): Uint8Array {
    let bytes = this.#encoded.get(file);
    if (bytes === undefined) {
      bytes = toBinary(FileDescriptorProtoSchema, file.proto);
      this.#encoded.set(file, bytes);
    }
    return bytes;
  }

  #add(file: DescFile): void {
    const { name } = file.proto;
    if (this.#files.has(name)) return;
    this.#files.set(name, file);
    for (const needed of file.dependencies) this.#add(needed);
    const scope = file.proto.package === "" ? "" : `${file.proto.package}.`;
    for (const each of file.enums) this.#addEnum(file, each, scope);
    for (const each of file.messages) this.#addMessage(file, each);
    for (const each of file.extensions) this.#addExtension(file, each);
    for (const { typeName, methods } of file.services) {
      this.#symbols.set(typeName, file);
      for (const method of methods) this.#symbols.set(`${typeName}.${method.name}`, file);
    }
  }

  #addMessage(file: DescFile, message: DescMessage): void {
    const { typeName } = message;
    this.#symbols.set(typeName, file);
    this.#messages.add(typeName);
    for (const { name } of [...message.fields, ...message.oneofs]) this.#symbols.set(`${typeName}.${name}`, file);
    for (const each of message.nestedEnums) this.#addEnum(file, each, `${typeName}.`);
    for (const each of message.nestedMessages) this.#addMessage(file, each);
    for (const each of message.nestedExtensions) this.#addExtension(file, each);
  }

  /** Values of an enum are named beside it, not below it. */
  #addEnum(file: DescFile, each: DescFile["enums"][number], scope: string): void {
    this.#symbols.set(each.typeName, file);
    for (const { name } of each.values) this.#symbols.set(`${scope}${name}`, file);
  }

  #addExtension(file: DescFile, extension: DescExtension): void {
    this.#symbols.set(extension.typeName, file);
    const { typeName } = extension.extendee;
    const numbers = this.#extensions.get(typeName) ?? new Map<number, DescFile>();
    this.#extensions.set(typeName, numbers);
    numbers.set(extension.number, file);
  }
}
