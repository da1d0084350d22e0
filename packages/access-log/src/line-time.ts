// biome-ignore-all lint/style/noRestrictedGlobals: a Date here spells a time that the clock gave, and reads none
const zoneMs = 900_000;

/** The time of a line, as Linkerd writes it: `21/11/2026:09:40:04 UTC`, in the zone of the process. */
export class LineTime {
  #second = Number.NaN;
  #text = "";
  #zoneSlot = Number.NaN;
  #zone = "";

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
    const slot = Math.floor(date.getTime() / zoneMs);
    if (slot !== this.#zoneSlot) {
      this.#zoneSlot = slot;
      const parts = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" }).formatToParts(date);
      this.#zone = parts.find(({ type }) => type === "timeZoneName")?.value ?? "UTC";
    }
    return this.#zone;
  }
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
