import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Member, published, readMembers, root } from "./workspace.ts";

export interface Packed {
  readonly member: Member;
  readonly tarball: string;
}

/** Packs every published package, as it was built, into a folder; the tarballs in the order of the packages. */
export function packAll(folder: string): readonly Packed[] {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const members = published(readMembers());
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const said = execFileSync("npm", [...args, ...members.flatMap((each) => ["-w", each.dir])], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    maxBuffer: 64 * 1024 * 1024,
  });
  const files = new Map(
    (JSON.parse(said) as readonly { readonly name: string; readonly filename: string }[]).map((each) => [
      each.name,
      each.filename,
    ]),
  );
  return members.map((member) => {
    const file = files.get(member.manifest.name);
    if (file === undefined) throw new Error(`npm did not pack ${member.manifest.name}`);
    return { member, tarball: join(folder, file.split("/").pop() ?? file) };
  });
}
