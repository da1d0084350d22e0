import { isHostName, readIp } from "@weftmesh/naming";

/** No name ends in a number: `1.2.3.4.5` and `256.1.1.1` are mistyped addresses. */
const endsInNumber = /(^|\.)[0-9]+\.?$/;

/** A host as it is to be connected to: an IP address in full, or a name; `undefined` for what can be neither. */
export function readHost(text: string): string | undefined {
  return readIp(text) ?? (isHostName(text) && !endsInNumber.test(text) ? text : undefined);
}
