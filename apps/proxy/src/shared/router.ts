export * from "@weftmesh/router";
