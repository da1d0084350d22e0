export { arbCluster, type Cluster, type StatusFlip } from "./arbitraries/clusters.ts";
export { type ArbDtabOptions, arbDtab, arbDtabName } from "./arbitraries/dtabs.ts";
export { type ArbNameTreeOptions, arbNameTree, arbWeight } from "./arbitraries/name-trees.ts";
export { arbPath } from "./arbitraries/paths.ts";
export { type ArbScriptOptions, arbLatencyMs, arbOutcome, arbScript, type ScriptStep } from "./arbitraries/scripts.ts";
export { type BodyCase, describeBody } from "./conformance/body.ts";
export { describeModule, type ModuleCase } from "./conformance/module.ts";
export { describeNamer, type NamerCase } from "./conformance/namer.ts";
export { describeTransport, type TransportOptions, type TransportPair } from "./conformance/transport.ts";
export { eventually } from "./eventually.ts";
export { ManualClock, settle } from "./manual-clock.ts";
export { MemoryStats } from "./memory-stats.ts";
export { PushBody } from "./push-body.ts";
export { type RawAnswer, RawBackend, type RawRequest } from "./raw-backend.ts";
export { RawClient } from "./raw-client.ts";
export { RecordingSink } from "./recording-sink.ts";
export {
  type Answer,
  answerFail,
  answerNever,
  answerOk,
  answerThrow,
  type ScriptedCall,
  ScriptedService,
  testError,
} from "./scripted-service.ts";
export { seededRng } from "./seeded-rng.ts";
