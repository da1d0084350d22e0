import { type Body, type BodySink, Taken } from "./body.ts";

class DroppingSink implements BodySink {
  over = false;

  onData(): number {
    return Taken;
  }

  onEnd(): void {
    this.over = true;
  }

  onError(): void {
    this.over = true;
  }
}

/** Lets go of a body that will not be sent: one that is whole already ends well, any other is stopped. */
export function dropBody(body: Body, reason: Error): void {
  const sink = new DroppingSink();
  const flow = body.pipe(sink);
  if (!sink.over) flow.stop(reason);
}
