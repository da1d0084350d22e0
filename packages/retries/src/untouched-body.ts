import { type Body, BodyRelay, type BodySink, type Flow } from "@weftmesh/http";
import type { Resend } from "./retry-protocol.ts";

/** A body too long to be kept: the request may be sent again as long as no attempt has asked for it. */
export class UntouchedBody extends BodyRelay implements Resend {
  #touched = false;

  get possible(): boolean {
    return !this.#touched;
  }

  override pipe(sink: BodySink): Flow {
    this.#touched = true;
    return super.pipe(sink);
  }

  onText(text: string): number {
    return this.passText(text);
  }

  again(): void {}

  settle(): void {}
}

/** As a body in its place would be used. */
export function untouched(holder: { body: Body }): UntouchedBody {
  const body = new UntouchedBody(holder.body);
  holder.body = body;
  return body;
}
