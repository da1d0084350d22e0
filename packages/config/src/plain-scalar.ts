import type { ScalarValue } from "./source.ts";

const integer = /^[-+]?[0-9][0-9_]*$/;
const decimal = /^[-+]?(?:[0-9][0-9_]*)?\.?[0-9_]*(?:[eE][-+]?[0-9]+)?$/;

/**
 * What an unquoted YAML word is: as Linkerd's parser has it, so `yes`, `on`, `0x1f` and `1:30` are text, and `010` is
 * ten. Digits that no double can hold stay a number; the schema refuses it by its range.
 */
export function plainScalar(text: string): ScalarValue {
  switch (text) {
    case "":
    case "~":
    case "null":
    case "Null":
    case "NULL":
      return null;
    case "true":
    case "True":
    case "TRUE":
      return true;
    case "false":
    case "False":
    case "FALSE":
      return false;
  }
  const code = text.charCodeAt(0);
  const mayBeNumber = (code >= 48 && code <= 57) || code === 43 || code === 45 || code === 46;
  if (!mayBeNumber || text.length > 400 || !/[0-9]/.test(text)) return text;
  if (integer.test(text) || decimal.test(text)) {
    const value = Number(text.replaceAll("_", ""));
    return Number.isNaN(value) ? text : value;
  }
  return text;
}
