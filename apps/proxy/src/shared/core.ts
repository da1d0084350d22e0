export * from "@weftmesh/core";
