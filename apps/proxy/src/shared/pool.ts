export * from "@weftmesh/pool";
