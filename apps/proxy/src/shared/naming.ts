export * from "@weftmesh/naming";
