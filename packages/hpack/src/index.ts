export { type FieldSink, HeaderDecoder } from "./header-decoder.ts";
export { HeaderEncoder } from "./header-encoder.ts";
export { HpackError } from "./hpack-error.ts";
export { Pseudo } from "./pseudo.ts";
