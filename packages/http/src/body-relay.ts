import type { Body, BodySink, Flow } from "./body.ts";
import type { Headers } from "./headers.ts";

/**
 * A body that passes another one on as it comes, for whoever has to see it go by: override what matters, and call
 * `super` to pass it on.
 *
 * Cost: one object per body; chunks are not copied, and the sink's flags go back to the source as they are.
 */
export class BodyRelay implements Body, BodySink, Flow {
  readonly source: Body;
  private sink: BodySink | undefined = undefined;
  private flow: Flow | undefined = undefined;

  constructor(source: Body) {
    this.source = source;
  }

  get length(): number | undefined {
    return this.source.length;
  }

  pipe(sink: BodySink): Flow {
    this.sink = sink;
    this.flow = this.source.pipe(this);
    return this;
  }

  onData(chunk: Uint8Array): number {
    return (this.sink as BodySink).onData(chunk);
  }

  /** For a relay that looks at no content: passes text on as such. It is not `onText` itself, which would pass by `onData`. */
  protected passText(text: string): number {
    const sink = this.sink as BodySink;
    return sink.onText === undefined ? sink.onData(Buffer.from(text, "latin1")) : sink.onText(text);
  }

  /** For the `takesSlices` of a relay that looks at no content: whether its sink does. */
  protected get sinkTakesSlices(): boolean {
    return this.sink?.takesSlices === true;
  }

  /** For such a relay: passes a slice on as it is. It is not `onSlice` itself, which would pass by `onData`. */
  protected passSlice(bytes: Uint8Array, start: number, end: number): number {
    return (this.sink as Required<BodySink>).onSlice(bytes, start, end);
  }

  onEnd(trailers: Headers | undefined): void {
    (this.sink as BodySink).onEnd(trailers);
  }

  onError(error: Error): void {
    (this.sink as BodySink).onError(error);
  }

  resume(): void {
    this.flow?.resume();
  }

  stop(reason: Error): void {
    this.flow?.stop(reason);
  }
}
