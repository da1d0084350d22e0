import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { apiReport } from "./api-report.ts";
import { packAll } from "./pack.ts";
import { shapeProblems } from "./package-shape.ts";
import { published, readMembers, root } from "./workspace.ts";

// What others see of the built packages. Without `--check` it writes the reports of what each exports, and no more.
const check = process.argv.includes("--check");
const members = published(readMembers());
const problems = members.flatMap((member) => apiReport(member, check));
if (check) {
  for (const { member, tarball } of packAll(join(root, ".packed"))) {
    for (const problem of await shapeProblems(tarball)) problems.push(`${member.dir}: ${problem}`);
  }
  problems.push(...sizes());
}
for (const problem of problems) console.error(problem);
console.log(`api: ${members.length} packages, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;

function sizes(): readonly string[] {
  try {
    const bin = join(root, "node_modules/size-limit/bin.js");
    execFileSync("node", [bin], { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    return [];
  } catch (thrown) {
    const { stdout, stderr } = thrown as { readonly stdout?: string; readonly stderr?: string };
    return [`size-limit: ${stdout ?? ""}${stderr ?? ""}`];
  }
}
