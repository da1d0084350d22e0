import { HeaderField, type HeaderName, Indexing } from "@weftmesh/http";

/** A field of our own text, which needs no check, and that no other request will have: nothing for the tables of HTTP/2. */
export function onceField({ id, text }: HeaderName, value: string): HeaderField {
  return new HeaderField(id, text, value, Indexing.notIndexed);
}
