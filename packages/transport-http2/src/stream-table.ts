/** What is found by its id: the ids of one side of a connection, which go up by two. */
interface Numbered {
  readonly id: number;
}

const firstPlaces = 16;
const maxPlaces = 4_096;

/**
 * The open streams of a connection.
 *
 * Shape: a ring of places by id, since those that are open together are close together as a rule; one that lives so long
 * that its place is taken by a later one, or finds its own taken, is in a map beside it.
 * Cost: a look at one place; nothing is allocated for a stream that comes and goes.
 */
export class StreamTable<S extends Numbered> implements Iterable<S> {
  size = 0;
  private places: (S | undefined)[] = new Array<S | undefined>(firstPlaces).fill(undefined);
  private mask: number = firstPlaces - 1;
  private beside: Map<number, S> | undefined = undefined;

  get(id: number): S | undefined {
    const found = this.places[(id >>> 1) & this.mask];
    if (found !== undefined && found.id === id) return found;
    return this.beside === undefined ? undefined : this.beside.get(id);
  }

  has(id: number): boolean {
    return this.get(id) !== undefined;
  }

  /** Adds a stream that is not there yet. */
  add(stream: S): void {
    this.size++;
    if (this.size > this.places.length / 2 && this.places.length < maxPlaces) this.grow();
    this.put(stream);
  }

  delete(id: number): boolean {
    const at = (id >>> 1) & this.mask;
    if (this.places[at]?.id === id) this.places[at] = undefined;
    else if (this.beside?.delete(id) !== true) return false;
    else if (this.beside.size === 0) this.beside = undefined;
    this.size--;
    return true;
  }

  clear(): void {
    this.size = 0;
    this.places.fill(undefined);
    this.beside = undefined;
  }

  /** All of them as they are now, in no order. */
  list(): S[] {
    const all: S[] = [];
    if (this.size === 0) return all;
    for (const stream of this.places) if (stream !== undefined) all.push(stream);
    if (this.beside !== undefined) all.push(...this.beside.values());
    return all;
  }

  [Symbol.iterator](): Iterator<S> {
    return this.list()[Symbol.iterator]();
  }

  private put(stream: S): void {
    const at = (stream.id >>> 1) & this.mask;
    if (this.places[at] === undefined) this.places[at] = stream;
    else {
      this.beside ??= new Map();
      this.beside.set(stream.id, stream);
    }
  }

  private grow(): void {
    const all = this.list();
    const places = this.places.length * 4;
    this.places = new Array<S | undefined>(places).fill(undefined);
    this.mask = places - 1;
    this.beside = undefined;
    for (const stream of all) this.put(stream);
  }
}
