import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor";
import { type Member, root } from "./workspace.ts";

const folder = join(root, "docs/reference/api");

/** Where the report of a package stands: `docs/reference/api/core.api.md`. */
export function reportFile(member: Member): string {
  return join(folder, `${member.short}.api.md`);
}

/**
 * Writes the report of what a built package exports, or with `check` says whether the one that is there is right. A type
 * that is used and not exported stands in the report as a warning: whoever reads the change decides.
 *
 * Errors: the lines of what is wrong; an export whose type cannot be followed is one.
 */
export function apiReport(member: Member, check: boolean): readonly string[] {
  const projectFolder = join(root, member.dir);
  const entry = join(projectFolder, "dist/index.d.ts");
  if (!existsSync(entry)) return [`${member.dir}: not built`];
  mkdirSync(folder, { recursive: true });
  const temporary = join(root, "node_modules/.cache/api-extractor");
  mkdirSync(temporary, { recursive: true });
  const before = existsSync(reportFile(member)) ? readFileSync(reportFile(member), "utf8") : undefined;
  const config = ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(projectFolder, "package.json"),
    configObject: {
      projectFolder,
      mainEntryPointFilePath: entry,
      newlineKind: "lf",
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            module: "NodeNext",
            moduleResolution: "NodeNext",
            target: "ES2022",
            lib: ["ES2023"],
            types: ["node"],
            strict: true,
            skipLibCheck: true,
          },
          files: [entry],
        },
      },
      apiReport: {
        enabled: true,
        reportFileName: `${member.short}.api.md`,
        reportFolder: folder,
        reportTempFolder: temporary,
        includeForgottenExports: false,
      },
      docModel: { enabled: false, apiJsonFilePath: join(temporary, `${member.short}.api.json`), projectFolderUrl: "" },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        extractorMessageReporting: {
          default: { logLevel: ExtractorLogLevel.Warning },
          "ae-forgotten-export": { logLevel: ExtractorLogLevel.Warning, addToApiReportFile: true },
          "ae-missing-release-tag": { logLevel: ExtractorLogLevel.None },
          "ae-undocumented": { logLevel: ExtractorLogLevel.None },
        },
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
      },
    },
  });
  const problems: string[] = [];
  const result = Extractor.invoke(config, {
    localBuild: !check,
    messageCallback: (message) => {
      message.handled = true;
      const loud = message.logLevel === ExtractorLogLevel.Error || message.logLevel === ExtractorLogLevel.Warning;
      const aboutReport = message.messageId.startsWith("console-api-report");
      if (loud && !aboutReport) problems.push(`${member.dir}: ${message.text}`);
    },
  });
  if (check && (before === undefined || result.apiReportChanged)) {
    problems.push(
      `${member.dir}: the exports are not those of docs/reference/api/${member.short}.api.md: run npm run docs:gen`,
    );
  }
  return problems;
}
