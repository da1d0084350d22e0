import type { Socket } from "node:net";
import { getSystemErrorName } from "node:util";

type Done = (error?: Error | null) => void;

/** What Node's streams know a write by while the system has not taken all of it. */
interface WriteRequest {
  oncomplete: ((status: number) => void) | undefined;
  /** Keeps the bytes alive that the system has still to read. */
  buffer: string | Buffer | undefined;
}

/** What a `net.Socket` writes through. */
interface Handle {
  writeLatin1String(request: WriteRequest, text: string): number;
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
  /** Bytes that the system has not taken. */
  readonly writeQueueSize: number;
}

/** What a `net.Socket` implements as a Writable: it hands what it is given to its handle, with none of the Writable's own work. */
interface WritableHalf {
  _handle: Handle | null;
  _write(text: string, encoding: "latin1", done: Done): void;
  _write(bytes: Buffer, encoding: "buffer", done: Done): void;
}

let newRequest: (new () => WriteRequest) | undefined;
/** For the next write. Most writes are over when the call returns, and leave it as it was. */
let spare: WriteRequest | undefined;
let isLearning = true;

/**
 * Writes to a socket whose Writable has nothing under way. `done` is called in any case: before this returns where the
 * system took it all, else when it has.
 *
 * Shape: from the first write of the process it is learnt what a request of Node's is, from then on they are made here
 * and used again. Where Node is not as expected, each write goes through the socket's own `_write`.
 */
export function writeDirectly(socket: Socket, data: string | Buffer, done: Done): void {
  const half = socket as unknown as WritableHalf;
  const handle = half._handle;
  const request = spare;
  if (request === undefined || handle === null) {
    if (isLearning && typeof data === "string" && handle !== null) learn(half, handle, data, done);
    else writeHalf(half, data, done);
    return;
  }
  const status = typeof data === "string" ? handle.writeLatin1String(request, data) : handle.writeBuffer(request, data);
  if (status < 0) {
    done(writeError(status));
    return;
  }
  if (handle.writeQueueSize === 0) {
    done();
    return;
  }
  spare = new (newRequest as new () => WriteRequest)();
  request.buffer = data;
  request.oncomplete = (ended) => done(ended < 0 ? writeError(ended) : undefined);
}

function writeHalf(half: WritableHalf, data: string | Buffer, done: Done): void {
  if (typeof data === "string") half._write(data, "latin1", done);
  else half._write(data, "buffer", done);
}

/** Has Node write it, and looks on. */
function learn(half: WritableHalf, handle: Handle, text: string, done: Done): void {
  isLearning = false;
  if (typeof handle.writeQueueSize !== "number" || typeof handle.writeLatin1String !== "function") {
    writeHalf(half, text, done);
    return;
  }
  const { writeLatin1String } = handle;
  handle.writeLatin1String = (request, said) => {
    newRequest = request.constructor as new () => WriteRequest;
    return writeLatin1String.call(handle, request, said);
  };
  try {
    writeHalf(half, text, done);
  } finally {
    delete (handle as Partial<Handle>).writeLatin1String;
  }
  if (newRequest !== undefined) spare = new newRequest();
}

/** As Node words it. */
function writeError(status: number): Error {
  const code = getSystemErrorName(status);
  return Object.assign(new Error(`write ${code}`), { errno: status, code, syscall: "write" });
}
