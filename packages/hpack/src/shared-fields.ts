import { HeaderField, hashStep, Indexing } from "@weftmesh/http";
import { fieldFault, octetClass } from "./field-faults.ts";
import { type FieldName, isText } from "./field-name.ts";
import { latin1 } from "./latin1.ts";
import { staticRefOf } from "./static-table.ts";

const sets = 1_024;
/** Longer values are not looked up: they cost more to hash than they give. */
const maxValueLength = 256;

/**
 * Fields by name, value and mode, for all connections of the thread: two places per set. What comes for the first time
 * takes the second one, and what comes again moves to the first, so that values which never come again push out none
 * that do.
 */
const fields: (HeaderField | undefined)[] = new Array(sets * 2).fill(undefined);

/** The field whose value is `bytes[start, end)`: the same object as before where it is remembered. */
export function sharedField(
  name: FieldName,
  bytes: Uint8Array,
  start: number,
  end: number,
  indexing: Indexing,
): HeaderField {
  let classes = 0;
  if (end - start > maxValueLength || indexing === Indexing.never || !name.shared) {
    for (let i = start; i < end; i++) classes |= octetClass[bytes[i] as number] as number;
    return newField(name, latin1(bytes, start, end), classes, indexing);
  }
  let hash = name.hash + indexing;
  for (let i = start; i < end; i++) {
    const octet = bytes[i] as number;
    hash = hashStep(hash, octet);
    classes |= octetClass[octet] as number;
  }
  const at = ((hash ^ (hash >>> 15)) & (sets - 1)) << 1;
  const first = fields[at];
  if (first !== undefined && isField(first, name, bytes, start, end, indexing)) return first;
  const second = fields[at + 1];
  if (second !== undefined && isField(second, name, bytes, start, end, indexing)) {
    fields[at] = second;
    fields[at + 1] = first;
    return second;
  }
  const field = newField(name, latin1(bytes, start, end), classes, indexing);
  fields[at + 1] = field;
  return field;
}

/** By id too: one that was made before its name was declared is made anew. */
function isField(
  field: HeaderField,
  name: FieldName,
  bytes: Uint8Array,
  start: number,
  end: number,
  indexing: Indexing,
): boolean {
  return (
    field.indexing === indexing &&
    field.id === name.id &&
    field.name === name.text &&
    isText(field.value, bytes, start, end)
  );
}

function newField(name: FieldName, value: string, classes: number, indexing: Indexing): HeaderField {
  const found = staticRefOf(name, value);
  // What is never indexed goes on as a literal, even where the static table has it (RFC 7541 section 6.2.3).
  const ref = indexing === Indexing.never && found > 0 ? -name.staticIndex : found;
  return new HeaderField(name.id, name.text, value, indexing, fieldFault(name, value, classes), ref);
}
