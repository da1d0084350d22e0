import { type Dentry, prefixMatches } from "./dentry.ts";

/**
 * Finds the rules for a name by one label each: of the labels in its prefix the one that the fewest others have at the
 * same place.
 *
 * Cost: a look at each rule whose label the name has, all of them at worst: a millisecond for 100,000. Wildcards do
 * not matter to it.
 */
export class LabelIndex {
  readonly #entries: readonly Dentry[];
  /** Numbers of rules by place and label. */
  readonly #byLabel: Map<string, number[]>[] = [];
  /** Those that are nothing but wildcards. */
  readonly #wild: number[] = [];

  constructor(entries: readonly Dentry[]) {
    this.#entries = entries;
    const counts = countLabels(entries);
    for (const [number, { prefix }] of entries.entries()) {
      const place = rarestPlace(prefix, counts);
      if (place === undefined) this.#wild.push(number);
      else listAt(this.#byLabel, place, prefix[place] as string).push(number);
    }
  }

  /** The numbers of the rules for a name, in no order. */
  find(elems: readonly string[]): number[] {
    const found = this.#matching(this.#wild, elems);
    for (let place = 0; place < elems.length && place < this.#byLabel.length; place++) {
      const numbers = this.#byLabel[place]?.get(elems[place] as string);
      if (numbers === undefined) continue;
      for (const number of this.#matching(numbers, elems)) found.push(number);
    }
    return found;
  }

  #matching(numbers: readonly number[], elems: readonly string[]): number[] {
    return numbers.filter((number) => prefixMatches((this.#entries[number] as Dentry).prefix, elems));
  }
}

type Counts = readonly (ReadonlyMap<string, number> | undefined)[];

function countLabels(entries: readonly Dentry[]): Counts {
  const counts: Map<string, number>[] = [];
  for (const { prefix } of entries) {
    for (const [place, elem] of prefix.entries()) {
      counts[place] ??= new Map();
      if (elem !== undefined) counts[place].set(elem, (counts[place].get(elem) ?? 0) + 1);
    }
  }
  return counts;
}

function rarestPlace(prefix: Dentry["prefix"], counts: Counts): number | undefined {
  let rarest: number | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const [place, elem] of prefix.entries()) {
    const count = elem === undefined ? Number.POSITIVE_INFINITY : (counts[place]?.get(elem) ?? 0);
    if (count >= fewest) continue;
    rarest = place;
    fewest = count;
  }
  return rarest;
}

function listAt(lists: Map<string, number[]>[], place: number, elem: string): number[] {
  lists[place] ??= new Map();
  let list = lists[place].get(elem);
  if (list === undefined) {
    list = [];
    lists[place].set(elem, list);
  }
  return list;
}
