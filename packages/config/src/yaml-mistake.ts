/** What is wrong, in words that carry nothing of the text, which may hold secrets. */
export function yamlMistake(code: string): string {
  return sentences.get(code) ?? code.toLowerCase().replaceAll("_", " ");
}

const sentences: ReadonlyMap<string, string> = new Map([
  ["ALIAS_PROPS", "an alias cannot have an anchor or a tag"],
  ["BAD_ALIAS", "an alias without a valid name"],
  ["BAD_DIRECTIVE", "a % directive that is not known"],
  ["BAD_DQ_ESCAPE", "a wrong escape in a text in double quotes"],
  ["BAD_INDENT", "wrong indentation"],
  ["BAD_PROP_ORDER", "an anchor or tag in the wrong place"],
  ["BAD_SCALAR_START", "a plain value cannot begin with this character; put it in quotes"],
  ["BLOCK_AS_IMPLICIT_KEY", "a nested map or list cannot stand on the line of a key"],
  ["BLOCK_IN_FLOW", "an indented map or list cannot stand inside [] or {}"],
  ["KEY_OVER_1024_CHARS", "a key of more than 1024 characters"],
  ["MISSING_CHAR", "a quote, bracket, colon or space is missing"],
  ["MULTILINE_IMPLICIT_KEY", "a key must end with a colon on its own line"],
  ["MULTIPLE_ANCHORS", "a value with two anchors"],
  ["MULTIPLE_DOCS", "more than one document; a config is one"],
  ["MULTIPLE_TAGS", "a value with two tags"],
  ["TAB_AS_INDENT", "a tab as indentation; use spaces"],
  ["UNEXPECTED_TOKEN", "something that cannot stand here"],
  ["RESOURCE_EXHAUSTION", "too deeply nested or too large"],
  ["BAD_COLLECTION_TYPE", "a tag that does not fit the value"],
]);
