import type { DescFile, DescService } from "@bufbuild/protobuf";

/** A service of a file by its name without the package. Errors: TypeError when the file has none of that name. */
export function serviceOf(file: DescFile, name: string): DescService {
  const found = file.services.find((each) => each.name === name);
  if (found === undefined) throw new TypeError(`${file.proto.name} has no service ${name}`);
  return found;
}
