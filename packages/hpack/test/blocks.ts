import type { HeaderDecoder, HeaderEncoder } from "@weftmesh/hpack";
import type { HeaderField } from "@weftmesh/http";

export type Pair = readonly [name: string, value: string];

/** A block's names and values, the fields themselves, and whether the list was within its limit. */
export function decodeBlock(
  decoder: HeaderDecoder,
  block: Uint8Array,
): { readonly fields: readonly Pair[]; readonly objects: readonly HeaderField[]; readonly fits: boolean } {
  const objects: HeaderField[] = [];
  const fits = decoder.decode(block, 0, block.length, { onField: (field) => void objects.push(field) });
  return { fields: objects.map((field) => [field.name, field.value]), objects, fits };
}

/** A copy of the block that `write` makes. */
export function encodeBlock(encoder: HeaderEncoder, write: (encoder: HeaderEncoder) => void): Buffer {
  encoder.begin();
  write(encoder);
  return Buffer.from(encoder.bytes.subarray(0, encoder.length));
}

/** Octets from hex digits. */
export const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ""), "hex");

/** A literal with a name of its own and without Huffman coding, in hex: 0x40 indexes it, 0x10 forbids that for ever. */
export function literal(name: string, value: string, kind: 0x00 | 0x10 | 0x40 = 0x00): string {
  const string = (text: string): Buffer => {
    if (text.length > 126) throw new RangeError("longer than one octet can say");
    return Buffer.concat([Buffer.from([text.length]), Buffer.from(text, "latin1")]);
  };
  return Buffer.concat([Buffer.from([kind]), string(name), string(value)]).toString("hex");
}
