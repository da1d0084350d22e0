import { Ctx, Params, type Service, Stack } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { answerOk, describeModule, ManualClock, MemoryStats, ScriptedService } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { Gate, GateParam, gate } from "../src/index.ts";

describeModule(gate<object, object>(), {
  params: () => Params.empty.with(GateParam, new Gate()),
  disabled: () => Params.empty,
});

function gated(): {
  subject: Service<string, string>;
  at: Gate;
  stats: MemoryStats;
  inner: ScriptedService<string, string>;
} {
  const at = new Gate();
  const stats = new MemoryStats();
  const inner = new ScriptedService<string, string>(new ManualClock(), [answerOk("rep")]);
  const params = Params.empty.with(GateParam, at).with(StatsParam, stats);
  return { at, stats, inner, subject: new Stack([gate<string, string>()], () => inner).make(params) };
}

describe("gate", () => {
  it("lets calls pass while it is open, and says why not while it is not", async () => {
    const { subject, at, stats } = gated();
    await expect(subject.call("", new Ctx())).resolves.toBe("rep");
    expect(stats.readGauge("gate/open")).toBe(1);
    at.shut();
    await expect(subject.call("", new Ctx())).rejects.toMatchObject({
      code: "WEFT_GATE_SHUT",
      flags: ["rejected", "retryable"],
      message: "refused: the gate before the service is shut",
    });
    expect(stats.readGauge("gate/open")).toBe(0);
    at.limit(1);
    expect(stats.readGauge("gate/open")).toBe(0);
    await expect(subject.call("", new Ctx())).resolves.toBe("rep");
    await expect(subject.call("", new Ctx())).rejects.toThrow("refused: the gate before the service is limited");
    expect(stats.readCounter("gate/rejected")).toBe(2);
    at.open();
    await expect(subject.call("", new Ctx())).resolves.toBe("rep");
  });

  it("is busy while no call may pass, and closed when what stands below is", () => {
    const { subject, at, inner } = gated();
    at.limit(1);
    expect(subject.status).toBe("open");
    void subject.call("", new Ctx());
    expect(subject.status).toBe("busy");
    inner.status = "closed";
    expect(subject.status).toBe("closed");
    inner.status = "busy";
    at.open();
    expect(subject.status).toBe("busy");
  });

  it("keeps no gauge when it is closed", async () => {
    const { subject, stats } = gated();
    await subject.close();
    expect(stats.names()).toEqual(["gate/rejected"]);
  });

  it("shows a listing its state", () => {
    const at = new Gate();
    at.shut();
    expect([GateParam.show(at), GateParam.show(undefined)]).toEqual(["shut", undefined]);
  });
});

describe("Gate", () => {
  it("tells its listeners of each change when it is made, in turn, until they leave", () => {
    const at = new Gate();
    const heard: string[] = [];
    const leave = at.onChange(() => {
      heard.push(`first: ${at.state} ${at.permits}`);
      leave();
    });
    at.onChange(() => heard.push(`second: ${at.state} ${at.permits}`));
    at.limit(2);
    at.shut();
    at.open();
    expect(heard).toEqual(["first: limited 2", "second: limited 2", "second: shut 0", "second: open Infinity"]);
  });

  it("begins to count anew with each limit", () => {
    const at = new Gate();
    expect([at.state, at.permits]).toEqual(["open", Number.POSITIVE_INFINITY]);
    at.limit(2);
    expect([at.tryPass(), at.permits]).toEqual([true, 1]);
    at.limit(1);
    expect([at.tryPass(), at.tryPass()]).toEqual([true, false]);
    at.open();
    expect([at.tryPass(), at.permits]).toEqual([true, Number.POSITIVE_INFINITY]);
    at.shut();
    expect([at.tryPass(), at.permits]).toEqual([false, 0]);
  });

  it.each([0, -1, 1.5, Number.POSITIVE_INFINITY, Number.NaN])("is not limited to %d calls", (permits) => {
    const at = new Gate();
    expect(() => at.limit(permits)).toThrow(
      new RangeError(`a gate is limited to a whole number of calls above 0, not ${permits}`),
    );
    expect(at.state).toBe("open");
  });
});
