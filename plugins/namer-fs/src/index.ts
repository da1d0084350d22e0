export { AddressFileError, AddressFileReadError } from "./errors.ts";
export { type DirectoryEvent, type FileSystem, nodeFileSystem, type Seen } from "./file-system.ts";
export { FsNamer, type FsNamerOptions } from "./fs-namer.ts";
export type { DirectoryState } from "./namer-state.ts";
export { type FsNamerConfig, fsNamer } from "./plugin.ts";
