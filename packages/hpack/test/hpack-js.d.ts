/** The part of hpack.js that the tests use; the package has no types. */
declare module "hpack.js" {
  export interface Header {
    readonly name: string;
    readonly value: string;
    readonly incremental?: boolean;
    readonly neverIndex?: boolean;
    readonly huffman?: boolean;
  }

  export interface Compressor {
    write(headers: readonly Header[]): void;
    read(): Buffer | null;
    reset(): void;
  }

  export interface Decompressor {
    write(block: Buffer): void;
    execute(): void;
    read(): Header | null;
  }

  const hpack: {
    readonly compressor: { create(options: { table: { maxSize: number } }): Compressor };
    readonly decompressor: { create(options: { table: { maxSize: number } }): Decompressor };
  };
  export default hpack;
}
