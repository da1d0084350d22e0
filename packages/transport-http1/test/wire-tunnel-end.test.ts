import { Full, Taken } from "@weftmesh/http";
import { PushBody, RecordingSink, settle, testError } from "@weftmesh/testkit";
import { nullServerStats } from "@weftmesh/wire";
import { describe, expect, it } from "vitest";
import { WireTunnelEnd } from "../src/wire-tunnel-end.ts";
import { MemoryWire } from "./memory-wire.ts";

function tunnelEnd(peerEnded = false): {
  wire: MemoryWire;
  end: WireTunnelEnd;
  over: (Error | undefined)[];
  closes: number;
} {
  const wire = new MemoryWire();
  const seen = { wire, over: [] as (Error | undefined)[], closes: 0 };
  const owner = {
    tunnelOver: (error: Error | undefined) => void seen.over.push(error),
    tunnelLost: (cause: Error | undefined) => new Error("lost", { cause }),
    onClosed: () => {
      seen.closes++;
    },
  };
  const end = new WireTunnelEnd(owner, wire, nullServerStats, peerEnded);
  return Object.assign(seen, { end });
}

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

describe("WireTunnelEnd", () => {
  it("tells of the peer's end behind all bytes, though a wire may tell of it while nothing is taken", () => {
    const { wire, end } = tunnelEnd();
    const sink = RecordingSink.of(end.incoming, Full);
    end.onBytes(bytes("first"), 5);
    // A wire that had read on before it was paused.
    end.onBytes(bytes("second"), 6);
    end.onEof();
    expect([sink.text(), sink.ended]).toEqual(["first", false]);
    sink.answer = Taken;
    sink.resume();
    expect([sink.text(), sink.ended, sink.late]).toEqual(["firstsecond", true, []]);
    expect(wire.ended).toBe(false);
  });

  it("tells of an end that came before the tunnel did, behind what came along", () => {
    const { end } = tunnelEnd(true);
    end.unread(bytes("early"));
    const sink = RecordingSink.of(end.incoming);
    expect([sink.text(), sink.ended]).toEqual(["early", true]);
  });

  it("fails for whoever comes too late, both ways, and says so once", async () => {
    const { wire, end, over } = tunnelEnd();
    wire.cut(new Error("reset"));
    const sink = RecordingSink.of(end.incoming);
    expect(sink.error?.message).toBe("lost");
    const body = new PushBody();
    end.send(body);
    expect(body.stopped?.message).toBe("lost");
    end.break(testError("enough"));
    await settle();
    expect(over.map((error) => error?.message)).toEqual(["lost"]);
  });

  it("stops its source when its own sink wants no more, and resets the wire", async () => {
    const seen = tunnelEnd();
    const { wire, end, over } = seen;
    const sink = RecordingSink.of(end.incoming);
    const body = new PushBody();
    end.send(body);
    sink.stop(testError("enough"));
    expect([body.stopped?.message, wire.wasReset]).toEqual([testError("enough").message, true]);
    await settle();
    expect([over.length, seen.closes]).toEqual([1, 1]);
  });

  it("writes nothing behind the end that it has sent", () => {
    const { wire, end } = tunnelEnd();
    const body = new PushBody();
    end.send(body);
    body.push(bytes("all"));
    body.end();
    end.onData(bytes("more"));
    expect([wire.written, wire.ended]).toEqual(["all", true]);
  });
});
