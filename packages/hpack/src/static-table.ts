import { declaredNames, HeaderField, Indexing } from "@weftmesh/http";
import { fieldFault } from "./field-faults.ts";
import { type FieldName, fieldName } from "./field-name.ts";
import { staticRows } from "./static-rows.ts";

/** The last index of the static table; the dynamic one goes on from there. */
export const staticLast = 61;
/** What `staticRefOf` says where not even the name is in the static table. */
export const notStatic = -99;

/** By index; index 0 says nothing. */
export const staticNames: readonly FieldName[] = ["", ...staticRows.map((row) => row[0])].map(fieldName);

let made: readonly HeaderField[] = [];
let declared = -1;

/** The fields of the static table by index, with ids by all names that are declared. */
export function staticFields(): readonly HeaderField[] {
  if (declared !== declaredNames()) {
    declared = declaredNames();
    made = staticNames.map((name, i) => {
      const value = staticRows[i - 1]?.[1] ?? "";
      return new HeaderField(name.id, name.text, value, Indexing.indexed, fieldFault(name, value, 0), i);
    });
  }
  return made;
}

/** The index of the field, if name and value are in the static table; minus the index of its name; or `notStatic`. */
export function staticRefOf(name: FieldName, value: string): number {
  const { staticIndex, staticCount } = name;
  if (staticIndex === 0) return notStatic;
  for (let i = 0; i < staticCount; i++) if (staticRows[staticIndex + i - 1]?.[1] === value) return staticIndex + i;
  return -staticIndex;
}
