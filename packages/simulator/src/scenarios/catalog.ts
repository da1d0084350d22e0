import type { Scenario } from "../scenario.ts";
import { evenCoverage } from "./even-coverage.ts";
import { fastFailure } from "./fast-failure.ts";
import { coldStart, permanentFailure, slowMiddle, temporaryFailure } from "./finagle-four.ts";
import { fiveTiers } from "./five-tiers.ts";
import { brownedOut, flappingServer } from "./flapping.ts";
import { retryStorm } from "./retry-storm.ts";
import { slowBackend } from "./slow-backend.ts";
import { tenThousand } from "./ten-thousand.ts";
import { threeHops } from "./three-hops.ts";

/** Every scenario that comes with the simulator. */
export const scenarios: readonly Scenario[] = [
  slowBackend,
  coldStart,
  slowMiddle,
  temporaryFailure,
  permanentFailure,
  fastFailure,
  flappingServer,
  brownedOut,
  retryStorm,
  threeHops,
  fiveTiers,
  evenCoverage,
  tenThousand,
];
