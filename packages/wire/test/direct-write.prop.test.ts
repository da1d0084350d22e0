import type { Socket } from "node:net";
import fc from "fast-check";
import { beforeEach, describe, expect, it, vi } from "vitest";

type Done = (error?: Error | null) => void;

class Request {
  oncomplete: ((status: number) => void) | undefined = undefined;
  buffer: unknown = undefined;
}

/** What the system makes of each write that reaches a handle: all of it taken, some of it left, or an error. */
type Fate = "taken" | "left" | "failed";

const pipeBroke = -32;

/** A handle as Node's are, and the socket around it. */
class FakeHandle {
  writeQueueSize: number | undefined = 0;
  fate: Fate = "taken";
  readonly written: { readonly request: Request; readonly data: unknown }[] = [];

  writeLatin1String(request: Request, data: unknown): number {
    this.written.push({ request, data });
    this.writeQueueSize = this.fate === "left" ? 1 : 0;
    return this.fate === "failed" ? pipeBroke : 0;
  }

  writeBuffer(request: Request, data: unknown): number {
    return FakeHandle.prototype.writeLatin1String.call(this, request, data);
  }
}

class FakeSocket {
  _handle: FakeHandle | null = new FakeHandle();
  /** Writes that went through the socket's own half of a Writable. */
  halves = 0;

  _write(data: unknown, _encoding: string, done: Done): void {
    this.halves++;
    const handle = this._handle as FakeHandle;
    handle.writeLatin1String(new Request(), data);
    done();
  }
}

describe("a direct write", () => {
  let write: (socket: Socket, data: string | Buffer, done: Done) => void;
  let socket: FakeSocket;
  let handle: FakeHandle;

  function send(data: string | Buffer): { readonly ends: (Error | null | undefined)[] } {
    const ends: (Error | null | undefined)[] = [];
    write(socket as unknown as Socket, data, (error) => ends.push(error));
    return { ends };
  }

  beforeEach(async () => {
    // What a request is, is learnt once for each process.
    vi.resetModules();
    ({ writeDirectly: write } = await import("../src/direct-write.ts"));
    socket = new FakeSocket();
    handle = socket._handle as FakeHandle;
  });

  it("goes through the socket once, and to its handle from then on", () => {
    for (const text of ["first", "second", "third"]) expect(send(text).ends).toHaveLength(1);
    expect(socket.halves).toBe(1);
    expect(handle.written.map(({ data }) => data)).toEqual(["first", "second", "third"]);
    expect(Object.hasOwn(handle, "writeLatin1String")).toBe(false);
  });

  it("stays with the socket where Node's handles are not as expected", () => {
    Object.defineProperty(handle, "writeQueueSize", { value: undefined, writable: false });
    handle.writeLatin1String = () => 0;
    for (const text of ["first", "second"]) expect(send(text).ends).toEqual([undefined]);
    expect(socket.halves).toBe(2);
  });

  it("stays with the socket when that has lost its handle", () => {
    send("first");
    const _write = vi.fn((_data: unknown, _encoding: string, done: Done) => done(new Error("closed")));
    write({ _handle: null, _write } as unknown as Socket, "second", () => {});
    expect(_write).toHaveBeenCalledOnce();
  });

  it("ends each write once, when it is over, with its own error, and shares no request that is under way", () => {
    const fates = fc.array(
      fc.record({ fate: fc.constantFrom<Fate>("taken", "left", "failed"), asBytes: fc.boolean() }),
    );
    fc.assert(
      fc.property(fates, fc.infiniteStream(fc.boolean()), (steps, fails) => {
        send("learns");
        const underWay: { readonly request: Request; readonly ends: unknown[]; readonly data: unknown }[] = [];
        for (const { fate, asBytes } of steps) {
          handle.fate = fate;
          const data = asBytes ? Buffer.from("x") : "x";
          const { ends } = send(data);
          const { request } = handle.written.at(-1) as { readonly request: Request };
          expect(underWay.some((each) => each.request === request)).toBe(false);
          if (fate === "taken") expect(ends).toEqual([undefined]);
          else if (fate === "failed")
            expect(ends).toEqual([expect.objectContaining({ code: "EPIPE", syscall: "write" })]);
          else {
            expect(ends).toEqual([]);
            expect(request.buffer).toBe(data);
            underWay.push({ request, ends, data });
          }
        }
        for (const { request, ends } of underWay) {
          const status = fails.next().value ? pipeBroke : 0;
          request.oncomplete?.(status);
          expect(ends).toEqual([status === 0 ? undefined : expect.objectContaining({ code: "EPIPE" })]);
        }
      }),
    );
  });
});
