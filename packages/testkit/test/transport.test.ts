import { failing } from "@weftmesh/core";
import { describeTransport, testError } from "../src/index.ts";
import { memoryTransport } from "./memory-transport.ts";

describeTransport("in memory", memoryTransport, {
  unreachable: () => failing(testError("nobody listens", ["retryable"])),
});
