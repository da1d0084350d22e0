import type { AdminHandler } from "@weftmesh/telemetry";

/** A request that has passed every check. */
export interface AdminRequest {
  /** GET also stands for HEAD. */
  readonly method: string;
  /** Decoded, and in the one form that the server accepts. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower case and without parameters; "" when there is none. */
  readonly contentType: string;
  /** The `Host` header; "" when there is none. */
  readonly host: string;
  /** The whole body as text; "" for GET. */
  readonly body: string;
}

export interface AdminResponse {
  /** 200 when not given. */
  readonly status?: number;
  /** `text/plain;charset=UTF-8` when not given. */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  /** Called when the answer has left, or the connection is lost. */
  readonly onSent?: () => void;
}

/** One path of the admin server, exact or a prefix when it ends in `/`. */
export interface AdminEndpoint {
  readonly path: string;
  /** Only GET when not given. HEAD comes with GET. */
  readonly methods?: readonly string[];
  handle(req: AdminRequest): AdminResponse | Promise<AdminResponse>;
}

export const jsonType = "application/json;charset=UTF-8";
export const textType = "text/plain;charset=UTF-8";

/** An answer without a body of interest. */
export function status(code: number, message = ""): AdminResponse {
  return { status: code, body: message };
}

export function json(value: unknown): AdminResponse {
  return { contentType: jsonType, body: JSON.stringify(value) };
}

/** What a telemeter, namer or interpreter contributes, as an endpoint. */
export function endpointOf(handler: AdminHandler): AdminEndpoint {
  return {
    path: handler.path,
    handle: async (req) => ({ contentType: handler.contentType, body: await handler.render(req.query) }),
  };
}
