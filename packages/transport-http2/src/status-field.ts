import { Pseudo } from "@weftmesh/hpack";
import { HeaderField } from "@weftmesh/http";

const fields: HeaderField[] = [];

/** `:status` of a response. Cost: made once per status. */
export function statusField(status: number): HeaderField {
  return fields[status] ?? makeField(status);
}

function makeField(status: number): HeaderField {
  const field = new HeaderField(Pseudo.status, ":status", String(status));
  fields[status] = field;
  return field;
}

/** True for what may end an exchange: three digits, and no interim response. */
export function isFinalStatus(status: number): boolean {
  return Number.isInteger(status) && status >= 200 && status <= 999;
}

/** True for what a service may say ahead of its answer. */
export function isInterimStatus(status: number): boolean {
  return Number.isInteger(status) && status > 101 && status < 200;
}
