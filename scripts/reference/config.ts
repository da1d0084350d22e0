/** What of JSON Schema our configs use. */
export interface JsonNode {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonNode>>;
  readonly additionalProperties?: JsonNode | boolean;
  readonly required?: readonly string[];
  readonly items?: JsonNode;
  readonly anyOf?: readonly JsonNode[];
  readonly oneOf?: readonly JsonNode[];
  readonly allOf?: readonly JsonNode[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly default?: unknown;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly $defs?: Readonly<Record<string, JsonNode>>;
}

const definition = /^#\/\$defs\/(.*)$/;

/** The page of the reference: the keys of a whole config, then those of each kind. */
export function configPage(schema: JsonNode): string {
  const lines = [
    "# Config",
    "",
    "Generated from the schemas by `npm run docs:gen`. For completion in an editor, point it at",
    "[config.schema.json](config.schema.json). A key without a default is required where the table says so, and otherwise",
    "changes nothing by its absence.",
    "",
    "## The top level",
    "",
    ...table(schema),
  ];
  for (const [name, node] of Object.entries(schema.$defs ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))) {
    lines.push("", `## ${name}`, "");
    if (node.description !== undefined) lines.push(`${sentence(node.description)}`, "");
    lines.push(...table(node));
  }
  return `${lines.join("\n")}\n`;
}

function table(node: JsonNode): readonly string[] {
  const rows = rowsOf(node, "");
  if (rows.length === 0) return [`A value: ${typeOf(node)}.`];
  return ["| key | type | default | |", "|---|---|---|---|", ...rows];
}

/** One row per key; the keys of an object that stands inside are shown with its name and a dot before them. */
function rowsOf(node: JsonNode, prefix: string): readonly string[] {
  const rows: string[] = [];
  for (const part of [node, ...(node.allOf ?? [])]) {
    for (const [key, value] of Object.entries(part.properties ?? {})) {
      const path = `${prefix}${key}`;
      const required = part.required?.includes(key) === true && value.default === undefined;
      const fallback = required
        ? "required"
        : value.default === undefined
          ? ""
          : `\`${JSON.stringify(value.default)}\``;
      rows.push(`| \`${path}\` | ${cell(typeOf(value))} | ${cell(fallback)} | ${cell(value.description ?? "")} |`);
      const inner = value.type === "array" ? (value.items ?? {}) : value;
      const step = value.type === "array" ? `${path}[].` : `${path}.`;
      rows.push(...rowsOf(inner, step));
      for (const each of value.anyOf ?? []) rows.push(...rowsOf(each, step));
    }
  }
  return [...new Set(rows)];
}

function typeOf(node: JsonNode): string {
  if (node.$ref !== undefined) {
    const name = definition.exec(node.$ref)?.[1] ?? node.$ref;
    return `[${name}](#${anchor(name)})`;
  }
  if (node.const !== undefined) return `\`${JSON.stringify(node.const)}\``;
  if (node.enum !== undefined) return node.enum.map((each) => `\`${String(each)}\``).join(", ");
  const alternatives = node.anyOf ?? node.oneOf;
  if (alternatives !== undefined) return [...new Set(alternatives.map(typeOf))].join(" or ");
  if (node.type === "array") return `list of ${typeOf(node.items ?? {})}`;
  const type = Array.isArray(node.type) ? node.type.join(" or ") : (node.type ?? (node.allOf ? "object" : "any"));
  return `${type}${limits(node)}`;
}

function limits(node: JsonNode): string {
  const low =
    node.minimum !== undefined
      ? `>= ${node.minimum}`
      : node.exclusiveMinimum !== undefined
        ? `> ${node.exclusiveMinimum}`
        : "";
  const wide = node.maximum === undefined || node.maximum >= 2 ** 31 - 1;
  const high = !wide ? `<= ${node.maximum}` : node.exclusiveMaximum !== undefined ? `< ${node.exclusiveMaximum}` : "";
  const both = [low.includes("-9007199254740991") ? "" : low, high].filter((each) => each !== "");
  return both.length === 0 ? "" : ` ${both.join(", ")}`;
}

/** As GitHub makes anchors of headings. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^a-z0-9 _-]/g, "")
    .replaceAll(" ", "-");
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replace(/\s+/g, " ");
}
