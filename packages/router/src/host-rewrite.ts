import { type Ctx, type Module, type Observer, type Param, param, type Role, role } from "@weftmesh/core";
import { type HeaderName, type HttpResponse, headerField, Names } from "@weftmesh/http";
import { type HttpService, httpFilterModule } from "./http-service.ts";

export const HostRewriteRole: Role = role("hostRewrite");

/** The host that discovery wants a client to be called by; undefined leaves `Host` alone. */
export const AuthorityParam: Param<string | undefined> = param<string | undefined>("authority", undefined);

/** Puts the caller's host back where a response points at the one that we called. */
class RestoreHost implements Observer {
  readonly #called: string;
  readonly #original: string;

  constructor(called: string, original: string) {
    this.#called = called;
    this.#original = original;
  }

  onResponse(_ctx: Ctx, rep: unknown): void {
    this.#restore(rep as HttpResponse, Names.location);
    this.#restore(rep as HttpResponse, Names.refresh);
  }

  onEnd(): void {}

  #restore(rep: HttpResponse, name: HeaderName): void {
    const value = rep.headers.get(name);
    if (value === undefined) return;
    const at = value.indexOf(`://${this.#called}`);
    if (at < 0) return;
    const after = at + 3 + this.#called.length;
    // `example.com` must not match the beginning of `example.com.evil`.
    if (after < value.length && !"/:?#".includes(value[after] as string)) return;
    rep.headers.set(name, value.slice(0, at + 3) + this.#original + value.slice(after));
  }
}

export const hostRewrite: Module<HttpService> = httpFilterModule({
  role: HostRewriteRole,
  description: "Calls the client by the host that discovery names, and undoes it in Location and Refresh",
  params: { authority: AuthorityParam },
  filter: ({ authority }) => {
    if (authority === undefined) return undefined;
    const host = headerField(Names.host, authority);
    return (req, ctx, next) => {
      ctx.observe(new RestoreHost(authority, req.authority));
      req.authority = authority;
      req.headers.setField(host);
      return next.call(req, ctx);
    };
  },
});
