export * from "@weftmesh/telemetry";
