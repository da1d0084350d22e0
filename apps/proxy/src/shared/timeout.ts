export * from "@weftmesh/timeout";
