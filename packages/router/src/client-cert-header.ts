import { type Module, type Role, role } from "@weftmesh/core";
import { headerName } from "@weftmesh/http";
import { type HttpFilter, type HttpService, httpFilterModule } from "./http-service.ts";

export const ClientCertHeaderRole: Role = role("clientCertHeader");

const clientCert = headerName("x-forwarded-client-cert");

const clear: HttpFilter = (req, ctx, next) => {
  req.headers.delete(clientCert);
  return next.call(req, ctx);
};

/**
 * Takes away what a client claims about its certificate: a backend must be able to believe the header.
 *
 * Source: Linkerd does so too, save where `forwardClientCert` is set and the client showed no certificate; there it
 * lets the claim through.
 */
export const clientCertHeader: Module<HttpService> = httpFilterModule({
  role: ClientCertHeaderRole,
  description: "Removes an x-forwarded-client-cert that a client sent",
  params: {},
  filter: () => clear,
});
