export * from "@weftmesh/http";
