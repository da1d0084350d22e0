/** Text as it may stand in an element or an attribute; what XML has no place for is left out. */
export function escapeXml(text: string): string {
  let safe = "";
  for (const char of text) safe += named[char] ?? (isXmlChar(char.codePointAt(0) as number) ? char : "");
  return safe;
}

const named: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Source: the production Char of XML 1.0. */
function isXmlChar(code: number): boolean {
  if (code < 0x20) return code === 0x9 || code === 0xa || code === 0xd;
  return code < 0xd800 || (code > 0xdfff && code !== 0xfffe && code !== 0xffff);
}

export type Attributes = Readonly<Record<string, string | number>>;

/** An element with attributes, around what is XML already. */
export function element(name: string, attributes: Attributes, inner = ""): string {
  const written = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${typeof value === "number" ? number(value) : escapeXml(value)}"`)
    .join("");
  return inner === "" ? `<${name}${written}/>` : `<${name}${written}>${inner}</${name}>`;
}

export function textElement(at: { x: number; y: number }, text: string, attributes: Attributes = {}): string {
  return element("text", { ...at, ...attributes }, escapeXml(text));
}

/** At most two decimals: a hundredth of a pixel is nothing. */
export function number(value: number): string {
  return String(Number(value.toFixed(2)));
}
