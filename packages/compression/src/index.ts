export { type CompressionOfBody, compressedBody } from "./compressed-body.ts";
export {
  CompressionLevelParam,
  CompressionRole,
  compression,
  MaxCompressors,
  MinCompressedBytes,
} from "./compression-module.ts";
export { type ContentCoding, chooseCoding } from "./content-coding.ts";
export { isTextual } from "./textual-type.ts";
