export * from "@weftmesh/transport-http1";
