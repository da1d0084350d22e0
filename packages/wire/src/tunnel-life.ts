import type { Body, BodySink, Flow } from "@weftmesh/http";

/** The body of the response that makes a tunnel: it has no bytes, and ends with the tunnel. */
export class TunnelLife implements Body, Flow {
  readonly length: undefined = undefined;
  private readonly giveUp: (reason: Error) => void;
  private sink: BodySink | undefined = undefined;
  private isPiped = false;
  private isOver = false;
  private failure: Error | undefined = undefined;

  /** `giveUp` breaks the tunnel. */
  constructor(giveUp: (reason: Error) => void) {
    this.giveUp = giveUp;
  }

  pipe(sink: BodySink): Flow {
    if (this.isPiped) throw new TypeError("a body is piped once");
    this.isPiped = true;
    this.sink = sink;
    if (this.isOver) this.tell();
    return this;
  }

  resume(): void {}

  stop(reason: Error): void {
    this.sink = undefined;
    if (!this.isOver) this.giveUp(reason);
  }

  /** The tunnel is over: well, or with an error. */
  finish(error: Error | undefined): void {
    if (this.isOver) return;
    this.isOver = true;
    this.failure = error;
    this.tell();
  }

  private tell(): void {
    const { sink, failure } = this;
    this.sink = undefined;
    if (failure === undefined) sink?.onEnd(undefined);
    else sink?.onError(failure);
  }
}
