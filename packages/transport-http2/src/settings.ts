import { HeaderEncoder } from "@weftmesh/hpack";
import { ConnectionFault } from "./errors.ts";
import { defaultFrameBytes, defaultWindowBytes, ErrorCode, maxFrameBytes, maxWindowBytes } from "./frame-types.ts";

/** Identifiers of settings (RFC 9113 section 6.5.2, RFC 8441 section 3). */
export const Setting = {
  HeaderTableSize: 1,
  EnablePush: 2,
  MaxConcurrentStreams: 3,
  InitialWindowSize: 4,
  MaxFrameSize: 5,
  MaxHeaderListSize: 6,
  EnableConnectProtocol: 8,
} as const;

/** What the peer wants of us: the defaults of RFC 9113 until it says otherwise. */
export class PeerSettings {
  maxConcurrentStreams: number = Number.POSITIVE_INFINITY;
  initialWindowBytes: number = defaultWindowBytes;
  maxFrameBytes: number = defaultFrameBytes;
  maxHeaderListBytes: number = Number.POSITIVE_INFINITY;
  /** It takes extended CONNECT. */
  connectProtocol = false;
  /** A SETTINGS frame has come. */
  known = false;

  /**
   * Takes over the payload of a SETTINGS frame, value by value: an encoder has to see a table shrink that grows again
   * within the frame. `isServer` says who the peer is. Errors: `ConnectionFault`.
   */
  read(bytes: Buffer, start: number, end: number, isServer: boolean, encoder: HeaderEncoder): void {
    this.known = true;
    for (let p = start; p < end; p += 6) {
      const id = bytes.readUInt16BE(p);
      const value = bytes.readUInt32BE(p + 2);
      this.set(id, value, isServer);
      if (id === Setting.HeaderTableSize) encoder.setPeerTableBytes(value);
    }
  }

  private set(id: number, value: number, isServer: boolean): void {
    switch (id) {
      case Setting.EnablePush:
        if (value > 1 || (value === 1 && isServer)) throw unfit("ENABLE_PUSH", value);
        return;
      case Setting.MaxConcurrentStreams:
        this.maxConcurrentStreams = value;
        return;
      case Setting.InitialWindowSize:
        if (value > maxWindowBytes) {
          throw new ConnectionFault(ErrorCode.FlowControlError, `INITIAL_WINDOW_SIZE may not be ${value}`);
        }
        this.initialWindowBytes = value;
        return;
      case Setting.MaxFrameSize:
        if (value < defaultFrameBytes || value > maxFrameBytes) throw unfit("MAX_FRAME_SIZE", value);
        this.maxFrameBytes = value;
        return;
      case Setting.MaxHeaderListSize:
        this.maxHeaderListBytes = value;
        return;
      case Setting.EnableConnectProtocol:
        if (value > 1 || (value === 0 && this.connectProtocol)) throw unfit("ENABLE_CONNECT_PROTOCOL", value);
        this.connectProtocol = value === 1;
        return;
      default:
    }
  }
}

/** Whether bytes are the payload of a SETTINGS frame that a client may send. */
export function areSettings(bytes: Buffer): boolean {
  if (bytes.length % 6 !== 0) return false;
  try {
    new PeerSettings().read(bytes, 0, bytes.length, false, new HeaderEncoder());
    return true;
  } catch {
    return false;
  }
}

function unfit(name: string, value: number): ConnectionFault {
  return new ConnectionFault(ErrorCode.ProtocolError, `${name} may not be ${value}`);
}
