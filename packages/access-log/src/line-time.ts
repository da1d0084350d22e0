// biome-ignore-all lint/style/noRestrictedGlobals: a Date here spells a time that the clock gave, and reads none
const zoneMs = 900_000;

/**
 * The time of a line, as Linkerd writes it: `21/11/2026:09:40:04 UTC`, in the zone of the process, or
 * `21/11/2026:09:40:04 +0000` as in the logs of its h2 routers.
 */
export class LineTime {
  readonly #showsOffset: boolean;
  #second = Number.NaN;
  #text = "";
  #zoneSlot = Number.NaN;
  #zone = "";

  constructor(zone: "name" | "offset" = "name") {
    this.#showsOffset = zone === "offset";
  }

  /** Cost: a comparison, save for the first line of each second. */
  show(epochMs: number): string {
    const second = Math.floor(epochMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = this.#render(new Date(epochMs));
    }
    return this.#text;
  }

  #render(date: Date): string {
    const day = `${two(date.getDate())}/${two(date.getMonth() + 1)}/${String(date.getFullYear()).padStart(4, "0")}`;
    const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
    return `${day}:${time} ${this.#zoneOf(date)}`;
  }

  /** Zones change their offset at quarters of an hour, if at all. */
  #zoneOf(date: Date): string {
    if (this.#showsOffset) return offsetOf(date);
    const slot = Math.floor(date.getTime() / zoneMs);
    if (slot !== this.#zoneSlot) {
      this.#zoneSlot = slot;
      const parts = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" }).formatToParts(date);
      this.#zone = parts.find(({ type }) => type === "timeZoneName")?.value ?? "UTC";
    }
    return this.#zone;
  }
}

function offsetOf(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const total = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(total / 60))}${two(total % 60)}`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
