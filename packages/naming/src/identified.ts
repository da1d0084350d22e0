import { Dtab } from "./dtab.ts";
import type { Identification } from "./identifier.ts";
import type { Path } from "./path.ts";

/** A request that has a name, with no delegations of its own. */
export function identified(dst: Path): Identification {
  return { kind: "identified", dst, dtab: Dtab.empty };
}

export function unidentified(reason: string): Identification {
  return { kind: "unidentified", reason };
}

/** Names kept per identifier: a router serves a bounded number of names at a time, and a flood must not grow it. */
const maxKept = 1000;
/** A longer text is named each time: nobody calls a service so, and what it takes to keep is a multiple of it. */
const maxKeptChars = 256;

/**
 * Remembers what a text was identified as, so that a name that comes again costs one map look-up.
 *
 * Cost: bounded to 1,000 texts of 256 characters; when full it starts anew, which keeps the hot names after a few requests.
 */
export class IdentificationMemo {
  readonly #kept = new Map<string, Identification>();
  readonly #make: (text: string) => Identification;

  constructor(make: (text: string) => Identification) {
    this.#make = make;
  }

  /** Texts that are kept now. */
  get size(): number {
    return this.#kept.size;
  }

  of(text: string): Identification {
    const known = this.#kept.get(text);
    if (known !== undefined) return known;
    const made = this.#make(text);
    if (text.length > maxKeptChars) return made;
    if (this.#kept.size >= maxKept) this.#kept.clear();
    this.#kept.set(text, made);
    return made;
  }
}
