import { type BodySink, bytesBody, type Flow, Full, Headers, latin1Body, Retained, Taken } from "@weftmesh/http";
import { describeBody, PushBody, RecordingSink, settle, testError } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { type BodyWatch, GuardedBody } from "../src/guarded-body.ts";

class Notes implements BodyWatch {
  readonly heard: string[] = [];
  moved(): void {
    this.heard.push("moved");
  }
  began(): void {
    this.heard.push("began");
  }
  over(): void {
    this.heard.push("over");
  }
}

describeBody("guarded, of a whole one", {
  make: (chunks) => new GuardedBody(bytesBody(Buffer.concat(chunks)), new Notes()),
});
describeBody("guarded, of one that comes by and by", {
  make: (chunks) => {
    const source = new PushBody();
    void (async () => {
      while (!source.piped) await settle();
      for (const chunk of chunks) {
        await source.writable();
        source.push(chunk);
      }
      await source.writable();
      source.end();
    })();
    return new GuardedBody(source, new Notes());
  },
});

const bytes = Buffer.from("abc");

describe("a guarded body", () => {
  it("tells when it is under way, of each chunk, and when it is over", () => {
    const source = new PushBody(6);
    const notes = new Notes();
    const body = new GuardedBody(source, notes);
    expect(body.length).toBe(6);
    expect(notes.heard).toEqual([]);
    const sink = RecordingSink.of(body);
    source.push(bytes);
    source.push(bytes);
    source.end(Headers.of("a", "b"));
    expect(notes.heard).toEqual(["began", "moved", "moved", "over"]);
    expect([sink.text(), sink.ended, sink.trailers?.get("a")]).toEqual(["abcabc", true, "b"]);
  });

  it("says nothing of a body that comes whole as it is piped", () => {
    const notes = new Notes();
    const sink = RecordingSink.of(new GuardedBody(bytesBody(bytes), notes));
    expect([sink.text(), sink.ended, notes.heard]).toEqual(["abc", true, []]);
  });

  it("is under way while the sink of a whole body has not taken its end", () => {
    const notes = new Notes();
    const sink = RecordingSink.of(new GuardedBody(bytesBody(bytes), notes), Full);
    expect([sink.over, notes.heard]).toEqual([false, ["began"]]);
    sink.resume();
    expect([sink.ended, notes.heard]).toEqual([true, ["began", "over"]]);
  });

  it("passes the answers of the sink back, and its resume and stop on", () => {
    const source = new PushBody();
    const notes = new Notes();
    const sink = RecordingSink.of(new GuardedBody(source, notes), Full);
    source.push(bytes);
    expect(source.full).toBe(true);
    sink.answer = Taken;
    sink.resume();
    expect(source.full).toBe(false);
    const reason = testError("enough");
    sink.stop(reason);
    sink.stop(testError("again"));
    expect([source.stopped, notes.heard, sink.late]).toEqual([reason, ["began", "moved", "over"], []]);
  });

  it("passes text on as text, to a sink that takes it, and as bytes to one that does not", () => {
    const bytesOnly = RecordingSink.of(new GuardedBody(latin1Body("a\u00ff"), new Notes()));
    expect([...bytesOnly.content(), bytesOnly.ended]).toEqual([0x61, 0xff, true]);
    const notes = new Notes();
    const texts: string[] = [];
    const source = {
      length: undefined,
      pipe: (sink: BodySink): Flow => {
        sink.onText?.("first");
        queueMicrotask(() => sink.onText?.("second"));
        return { resume: () => {}, stop: () => {} };
      },
    };
    const onText = (text: string): number => {
      texts.push(text);
      return Retained;
    };
    new GuardedBody(source, notes).pipe({ onText, onData: () => Taken, onEnd: () => {}, onError: () => {} });
    return settle().then(() =>
      expect([texts, notes.heard]).toEqual([
        ["first", "second"],
        ["began", "moved"],
      ]),
    );
  });

  it("tells its source nothing more once it is over", () => {
    const calls: string[] = [];
    let sink: BodySink | undefined;
    const source = {
      length: undefined,
      pipe: (to: BodySink): Flow => {
        sink = to;
        return { resume: () => void calls.push("resume"), stop: () => void calls.push("stop") };
      },
    };
    const body = new GuardedBody(source, new Notes());
    const flow = body.pipe(new RecordingSink());
    flow.resume();
    flow.stop(testError("enough"));
    flow.stop(testError("again"));
    flow.resume();
    body.cut(testError("late"));
    expect(calls).toEqual(["resume", "stop"]);
    const ended = new GuardedBody(source, new Notes()).pipe(new RecordingSink());
    sink?.onEnd(undefined);
    ended.resume();
    ended.stop(testError("late"));
    expect(calls).toEqual(["resume", "stop"]);
  });

  it("passes a failure on", () => {
    const source = new PushBody();
    const notes = new Notes();
    const sink = RecordingSink.of(new GuardedBody(source, notes));
    const error = testError("lost");
    source.fail(error);
    expect([sink.error, notes.heard]).toEqual([error, ["began", "over"]]);
  });

  it("that is cut ends for its source and for its sink, once", () => {
    const source = new PushBody();
    const notes = new Notes();
    const body = new GuardedBody(source, notes);
    const sink = RecordingSink.of(body);
    const error = testError("late");
    body.cut(error);
    body.cut(testError("again"));
    expect([source.stopped, sink.error, notes.heard]).toEqual([error, error, ["began", "over"]]);
    sink.stop(testError("too"));
    sink.resume();
    expect([source.stopped, sink.late]).toEqual([error, []]);
  });

  it("that is over cannot be cut", () => {
    const source = new PushBody();
    const body = new GuardedBody(source, new Notes());
    const sink = RecordingSink.of(body);
    source.end();
    body.cut(testError("late"));
    expect([sink.error, sink.ended, source.stopped]).toEqual([undefined, true, undefined]);
  });

  it("that was cut before anybody piped it fails for whoever does, and its source is let go", () => {
    const source = new PushBody();
    const notes = new Notes();
    const body = new GuardedBody(source, notes);
    const error = testError("late");
    body.cut(error);
    expect(source.piped).toBe(false);
    const sink = RecordingSink.of(body);
    sink.resume();
    expect([sink.error, source.stopped, notes.heard, sink.late]).toEqual([error, error, [], []]);
  });
});
