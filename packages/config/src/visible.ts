// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unseen = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** The text with every character escaped that a terminal would act on or not show: controls, and those that turn text. */
export function visible(text: string): string {
  return text.replace(unseen, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The same with a question mark for each, so that columns stay. */
export function visibleInPlace(text: string): string {
  return text.replace(unseen, "?");
}
