export * from "@weftmesh/balancer";
