export { codeName, Http2Code as ErrorCode } from "@weftmesh/http";

/** The types of frames (RFC 9113 section 6). */
export const FrameType = {
  Data: 0,
  Headers: 1,
  Priority: 2,
  RstStream: 3,
  Settings: 4,
  PushPromise: 5,
  Ping: 6,
  Goaway: 7,
  WindowUpdate: 8,
  Continuation: 9,
} as const;

export const Flag = { EndStream: 0x1, Ack: 0x1, EndHeaders: 0x4, Padded: 0x8, Priority: 0x20 } as const;

export const frameHeaderBytes = 9;
/** What every peer has to take (RFC 9113 section 4.2), and the most that we send. */
export const defaultFrameBytes = 16_384;
export const maxFrameBytes: number = 2 ** 24 - 1;
/** Every window begins with it, until the settings or an update say otherwise. */
export const defaultWindowBytes = 65_535;
export const maxWindowBytes: number = 2 ** 31 - 1;
export const maxStreamId: number = 2 ** 31 - 1;

/** What a client says first of all (RFC 9113 section 3.4). */
export const preface: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
