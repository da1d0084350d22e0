import { STATUS_CODES } from "node:http";
import { EndpointParam } from "@weftmesh/balancer";
import { type Clock, ClockParam, type Ctx, type Module, type Param, param, type Role, role } from "@weftmesh/core";
import {
  type Body,
  BodyRelay,
  bytesBody,
  collectBody,
  discardBody,
  emptyBody,
  Full,
  Headers,
  type HttpRequest,
  HttpResponse,
  headerName,
  Names,
} from "@weftmesh/http";
import { type Address, type DelegateTree, type Delegator, Dtab, Path, showAddress } from "@weftmesh/naming";
import { BoundParam, DstKey, RouterLabelParam } from "./call-context.ts";
import { type HttpFilter, type HttpService, httpFilterModule } from "./http-service.ts";
import { L5d } from "./linkerd-headers.ts";
import { resolutionSteps, showTraceReport } from "./trace-report.ts";

export const DiagnosticTracerRole: Role = role("diagnosticTracer");

/** Who explains the names of the router; undefined when its interpreter cannot. */
export const DelegatorParam: Param<Delegator | undefined> = param<Delegator | undefined>(
  "delegator",
  undefined,
  () => undefined,
);

/** The delegations of every request of the router. */
export const BaseDtabParam: Param<Dtab> = param<Dtab>("baseDtab", Dtab.empty, () => undefined);

/** Longer answers to a diagnostic `TRACE` are left out of it. */
export const MaxTracedBytes: Param<number> = param<number>("maxTracedBytes", 5120);

/** How long an explanation is waited for. */
const maxExplainMs = 2000;
/** Addresses that are shown: a set of thousands would only fill the answer. */
const maxAddresses = 100;
/** What is read of an answer that is left out, so that its connection can be used again. */
const maxDiscardBytes = 65_536;

const contentEncoding = headerName("Content-Encoding");

/** What the requests to one endpoint share. */
interface Tracing {
  readonly endpoint: Address;
  readonly bound: { readonly id: Path; readonly addr: { sample(): import("@weftmesh/naming").Addr } } | undefined;
  readonly delegator: Delegator | undefined;
  readonly baseDtab: Dtab;
  readonly router: string;
  readonly maxBytes: number;
  readonly clock: Clock;
}

function diagnose(shared: Tracing): HttpFilter {
  return (req, ctx, next) => (req.method === "TRACE" ? trace(shared, req, ctx, next) : next.call(req, ctx));
}

function trace(shared: Tracing, req: HttpRequest, ctx: Ctx, next: HttpService): Promise<HttpResponse> {
  const { headers } = req;
  const text = headers.get(Names.maxForwards);
  const hops = text === undefined ? undefined : readHops(text);
  if (Number.isNaN(hops)) return Promise.resolve(plain(400, "Invalid value for Max-Forwards header"));
  const wantsReport = isTrue(headers.get(L5d.addContext));
  const beganMs = shared.clock.now();
  const addReport = req.version === "2" ? appendReport : mergeReport;
  if (hops === 0) {
    const empty = plain(200, "");
    return wantsReport ? addReport(shared, ctx, beganMs, empty) : Promise.resolve(empty);
  }
  if (hops !== undefined) headers.set(Names.maxForwards, String(hops - 1));
  // A retry sends the same request, and it is no hop further.
  const restore = (): void => {
    if (text !== undefined) headers.set(Names.maxForwards, text);
  };
  return next.call(req, ctx).then(
    (rep) => {
      restore();
      return wantsReport ? addReport(shared, ctx, beganMs, rep) : rep;
    },
    (thrown: unknown) => {
      restore();
      throw thrown;
    },
  );
}

/** `NaN` for what is no number of hops. */
function readHops(text: string): number {
  return /^\d{1,10}$/.test(text) && Number(text) <= 2_147_483_647 ? Number(text) : Number.NaN;
}

/** As Finagle reads a flag. */
function isTrue(text: string | undefined): boolean {
  const lower = text?.toLowerCase();
  return lower === "true" || lower === "t" || lower === "1";
}

function plain(status: number, text: string): HttpResponse {
  const body = bytesBody(Buffer.from(text, "latin1"));
  const headers = Headers.of("Content-Length", String(body.length));
  if (text !== "") headers.add(Names.contentType, "text/plain");
  return new HttpResponse(status, headers, body);
}

/** The answer with this router's block behind what those further down have said. */
async function mergeReport(shared: Tracing, ctx: Ctx, beganMs: number, rep: HttpResponse): Promise<HttpResponse> {
  const said = await contentOf(shared, rep);
  const report = await reportOf(shared, ctx, beganMs);
  const bytes = Buffer.concat([trimmed(said), Buffer.from(`\n\n${report}`, "utf8")]);
  rep.headers.set(Names.contentLength, String(bytes.length));
  rep.body = bytesBody(bytes);
  return rep;
}

/** The same for a stream, which is passed on as it comes: the block is its last content. */
async function appendReport(shared: Tracing, ctx: Ctx, beganMs: number, rep: HttpResponse): Promise<HttpResponse> {
  const report = await reportOf(shared, ctx, beganMs);
  const bytes = Buffer.from(`\n${report.trim()}\n`, "utf8");
  rep.headers.delete(Names.contentLength);
  rep.body = rep.body === emptyBody ? bytesBody(bytes) : new AppendedBody(rep.body, bytes);
  return rep;
}

/** A body with something behind it. */
class AppendedBody extends BodyRelay {
  readonly #last: Uint8Array;
  /** What is still to be said once the sink takes more. */
  #finish: (() => void) | undefined = undefined;

  constructor(source: Body, last: Uint8Array) {
    super(source);
    this.#last = last;
  }

  override get length(): undefined {
    return undefined;
  }

  override onEnd(trailers: Headers | undefined): void {
    const finish = (): void => super.onEnd(trailers);
    if ((super.onData(this.#last) & Full) === 0) finish();
    else this.#finish = finish;
  }

  override resume(): void {
    const finish = this.#finish;
    this.#finish = undefined;
    if (finish === undefined) super.resume();
    else finish();
  }

  override stop(reason: Error): void {
    this.#finish = undefined;
    super.stop(reason);
  }
}

/** What the answer says, or a word in its place when it is not a short text of known length. */
function contentOf(shared: Tracing, rep: HttpResponse): Promise<Buffer> | Buffer {
  const { headers, body } = rep;
  const { length } = body;
  if (length !== undefined && length <= shared.maxBytes && !headers.has(contentEncoding)) {
    return length === 0 ? drop(body) : collectBody(body, shared.maxBytes);
  }
  drop(body);
  headers.delete(contentEncoding);
  const lines = [...headers].map(([name, value]) => `${name}: ${value}`);
  lines.push(`HTTP ${rep.status} - ${STATUS_CODES[rep.status] ?? ""}`);
  lines.push("Diagnostic trace encountered chunked response. Response content discarded.");
  return Buffer.from(lines.join("\n"), "latin1");
}

function drop(body: HttpResponse["body"]): Buffer {
  if (body !== emptyBody) discardBody(body, maxDiscardBytes, new Error("a trace wants no more of it"));
  return Buffer.alloc(0);
}

/** Without what is blank at both ends. */
function trimmed(bytes: Buffer): Buffer {
  let start = 0;
  let end = bytes.length;
  while (start < end && (bytes[start] as number) <= 32) start++;
  while (end > start && (bytes[end - 1] as number) <= 32) end--;
  return bytes.subarray(start, end);
}

async function reportOf(shared: Tracing, ctx: Ctx, beganMs: number): Promise<string> {
  const { endpoint, bound, router, clock } = shared;
  const durationMs = clock.now() - beganMs;
  const dst = ctx.get(DstKey);
  const path = dst?.path ?? Path.empty;
  const local = dst?.local;
  const dtab = local === undefined ? shared.baseDtab : shared.baseDtab.concat(local);
  const tree = await explain(shared, dtab, path);
  return showTraceReport({
    router,
    durationMs,
    service: path.show,
    client: bound?.id.show ?? "/",
    addresses: addressesOf(bound),
    selected: showAddress(endpoint),
    steps: tree === undefined || bound === undefined ? [] : resolutionSteps(tree, bound.id),
  });
}

function addressesOf(bound: Tracing["bound"]): readonly string[] {
  const addr = bound?.addr.sample();
  if (addr?.kind !== "bound") return [];
  const shown = addr.addresses.slice(0, maxAddresses).map(showAddress);
  if (addr.addresses.length > maxAddresses) shown.push(`and ${addr.addresses.length - maxAddresses} more`);
  return shown;
}

/** How the name is bound, unless that takes too long or cannot be told. */
function explain(shared: Tracing, dtab: Dtab, path: Path): Promise<DelegateTree | undefined> {
  const { delegator, clock } = shared;
  if (delegator === undefined) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const timer = clock.after(maxExplainMs, () => finish(undefined));
    let done = false;
    let end: () => void = () => {};
    const finish = (tree: DelegateTree | undefined): void => {
      if (done) return;
      done = true;
      timer.cancel();
      end();
      resolve(tree);
    };
    const subscription = delegator.delegate(dtab, path).run.changes.subscribe((each) => {
      if (each.state !== "pending") finish(each.state === "ok" ? each.value : undefined);
    });
    end = () => subscription.unsubscribe();
    // What was told within `subscribe` came before there was a subscription to end.
    if (done) end();
  });
}

/**
 * Answers `TRACE` as Linkerd does: `Max-Forwards` is counted down and answered here at 0, and with `l5d-add-context`
 * the answer is told how the request came through this router. Every other method passes.
 *
 * Shape: below the balancer, where the endpoint is known, and above the attempt's timeout.
 */
export const diagnosticTracer: Module<HttpService> = httpFilterModule({
  role: DiagnosticTracerRole,
  description: "Answers TRACE, and adds to its answers how they came through here",
  params: {
    endpoint: EndpointParam,
    bound: BoundParam,
    delegator: DelegatorParam,
    baseDtab: BaseDtabParam,
    router: RouterLabelParam,
    maxBytes: MaxTracedBytes,
    clock: ClockParam,
  },
  filter: (values) => diagnose(values),
});
