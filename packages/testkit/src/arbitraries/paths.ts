import { Path } from "@weftmesh/naming";
import fc from "fast-check";

const showableChars = "abcxyz019_:.#$%-";

const showableElem: fc.Arbitrary<string> = fc.string({
  unit: fc.constantFrom(...showableChars),
  minLength: 1,
  maxLength: 6,
});

/** One character per byte, with the ones that need an escape in front. */
const byteElem: fc.Arbitrary<string> = fc.string({
  unit: fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom("\x00", "/", "\\", "\xff", " ", "|", "&", ";", "*") },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)) },
  ),
  minLength: 1,
  maxLength: 6,
});

/** Paths of up to six elements, most of them plain text, the rest any bytes. */
export function arbPath(options?: { readonly maxSize?: number }): fc.Arbitrary<Path> {
  const elem = fc.oneof({ weight: 4, arbitrary: showableElem }, { weight: 1, arbitrary: byteElem });
  return fc.array(elem, { maxLength: options?.maxSize ?? 6 }).map((elems) => Path.of(...elems));
}
