export * from "@weftmesh/classify";
