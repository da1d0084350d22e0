export * from "@weftmesh/binding";
