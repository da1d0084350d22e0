import { describe, expect, it } from "vitest";
import { VirtualClock } from "../src/virtual-clock.ts";

describe("the virtual clock", () => {
  it("stands still between runs, and at the end of one stands where it was to go", async () => {
    const clock = new VirtualClock({ startMs: 5 });
    clock.after(10, () => {});
    expect(clock.now()).toBe(5);
    await clock.run(12);
    expect([clock.now(), clock.armed]).toEqual([12, 1]);
    await clock.run(15);
    expect([clock.now(), clock.armed]).toEqual([15, 0]);
  });

  it("never fires within after, not even for a time that has passed", async () => {
    const clock = new VirtualClock();
    let fired = 0;
    clock.after(-5, () => fired++);
    clock.after(0, () => fired++);
    expect(fired).toBe(0);
    await clock.run(0);
    expect([fired, clock.now()]).toEqual([2, 0]);
  });

  it("ends with the last event when it may run for ever, and leaves what is never due", async () => {
    const clock = new VirtualClock();
    clock.after(7, () => {});
    const never = clock.after(Number.POSITIVE_INFINITY, () => {});
    await clock.run(Number.POSITIVE_INFINITY);
    expect([clock.now(), clock.armed]).toEqual([7, 1]);
    never.cancel();
    expect(clock.armed).toBe(0);
  });

  it("tells the calendar's time by its own", async () => {
    const clock = new VirtualClock({ startMs: 1000, epochMs: 50 });
    expect(clock.epochMs()).toBe(50);
    await clock.run(1002.9);
    expect(clock.epochMs()).toBe(52);
  });

  it("stops after the event in which it is told to, with what is left still set", async () => {
    const clock = new VirtualClock();
    let then = 0;
    clock.after(3, () => {
      void Promise.resolve().then(() => then++);
      clock.stop();
    });
    clock.after(3, () => then++);
    await clock.run(10);
    expect([clock.now(), clock.armed, then]).toEqual([3, 1, 1]);
    await clock.run(10);
    expect([clock.now(), clock.armed, then]).toEqual([10, 0, 2]);
  });

  it("gives what a timer throws to whoever runs it, and can go on", async () => {
    const clock = new VirtualClock();
    clock.after(3, () => {
      throw new Error("boom");
    });
    let later = 0;
    clock.after(4, () => later++);
    await expect(clock.run(10)).rejects.toThrow("boom");
    expect(clock.now()).toBe(3);
    await clock.run(10);
    expect(later).toBe(1);
  });

  it("refuses to go back, to run twice at once, and to wait for no number", async () => {
    const clock = new VirtualClock();
    await clock.run(5);
    await expect(clock.run(4)).rejects.toThrow("run(4) at 5 ms");
    await expect(clock.run(Number.NaN)).rejects.toThrow(RangeError);
    expect(() => clock.after(Number.NaN, () => {})).toThrow(RangeError);
    const first = clock.run(6);
    await expect(clock.run(7)).rejects.toThrow("running already");
    await first;
    expect(clock.now()).toBe(6);
  });

  it("lets the process have a turn now and then", async () => {
    const clock = new VirtualClock();
    let left = 30_000;
    const again = (): void => {
      if (--left > 0) clock.after(1, again);
    };
    clock.after(1, again);
    let turns = 0;
    const turn = (): void => {
      turns++;
      if (left > 0) setImmediate(turn);
    };
    setImmediate(turn);
    await clock.run(Number.POSITIVE_INFINITY);
    expect(turns).toBeGreaterThanOrEqual(3);
  });
});
