import type { Metric, MetricsTree } from "@weftmesh/telemetry";
import type { AdminEndpoint } from "./endpoint.ts";

interface Row {
  readonly router: string;
  readonly server: string;
  requests: number;
  success: number;
  failures: number;
  pending: number;
}

const shown: ReadonlySet<string> = new Set(["requests", "success", "failures", "pending"]);

/** The servers of each router, and what they have counted. */
function rowsOf(tree: MetricsTree): readonly Row[] {
  const rows = new Map<string, Row>();
  tree.forEach((name, metric) => {
    const [root, router, stack, server, figure] = name;
    if (name.length !== 5 || root !== "rt" || stack !== "server") return;
    if (router === undefined || server === undefined || figure === undefined || !shown.has(figure)) return;
    const key = JSON.stringify([router, server]);
    const row = rows.get(key) ?? { router, server, requests: 0, success: 0, failures: 0, pending: 0 };
    row[figure as "requests"] = figureOf(metric);
    rows.set(key, row);
  });
  return [...rows.values()];
}

function figureOf(metric: Metric): number {
  return metric.kind === "stat" ? 0 : metric.value;
}

/** Text in HTML, in an attribute as well: names of services come from clients. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

const style =
  "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:56rem;padding:0 1rem;color:#222}" +
  "h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}" +
  "th,td{text-align:right;padding:.25rem .75rem;border-bottom:1px solid #ddd}" +
  "th:nth-child(-n+2),td:nth-child(-n+2){text-align:left}ul{columns:2;padding-left:1.2rem}a{color:#0b5fa5}";

/** The page at `/`: what the servers have counted, and a link to every page. It loads itself anew every five seconds. */
export function indexPage(title: string, tree: MetricsTree, paths: () => readonly string[]): AdminEndpoint {
  return {
    path: "/",
    handle: () => ({
      contentType: "text/html;charset=UTF-8",
      headers: {
        "content-security-policy":
          "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      },
      body: page(title, rowsOf(tree), paths()),
    }),
  };
}

function page(title: string, rows: readonly Row[], paths: readonly string[]): string {
  const name = escapeHtml(title);
  const table = rows.map(({ router, server, requests, success, failures, pending }) => {
    const rate = success + failures === 0 ? "" : `${((100 * success) / (success + failures)).toFixed(2)} %`;
    const cells = [router, server, requests, pending, success, failures, rate];
    return `<tr>${cells.map((cell) => `<td>${escapeHtml(String(cell))}</td>`).join("")}</tr>`;
  });
  const heads = ["Router", "Server", "Requests", "Pending", "Success", "Failures", "Success rate"];
  const links = paths
    .filter((path) => !path.endsWith("/") && path !== "/admin/shutdown")
    .map((path) => `<li><a href="${escapeHtml(encodeURI(path))}">${escapeHtml(path)}</a></li>`);
  return [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${name}</title>`,
    `<meta http-equiv="refresh" content="5"><meta name="viewport" content="width=device-width"><style>${style}</style>`,
    `</head><body><h1>${name}</h1><table><thead><tr>${heads.map((head) => `<th>${head}</th>`).join("")}</tr></thead>`,
    `<tbody>${table.join("")}</tbody></table><h2>Pages</h2><ul>${links.join("")}</ul></body></html>`,
  ].join("\n");
}
