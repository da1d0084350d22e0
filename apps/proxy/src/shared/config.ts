export * from "@weftmesh/config";
