export * from "@weftmesh/admission";
