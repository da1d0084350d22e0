export * from "@weftmesh/metrics";
