/** Which of how many like processes this one is: the numbers are contiguous, and each is there once. */
export interface PeerCoordinate {
  /** From 0. */
  readonly instanceId: number;
  readonly totalInstances: number;
}

/** What is left of a border that is two numbers and should be one; in parts of the ring. */
const dust = 1e-13;

export function isPeerCoordinate({ instanceId, totalInstances }: PeerCoordinate): boolean {
  return (
    Number.isSafeInteger(totalInstances) &&
    Number.isSafeInteger(instanceId) &&
    instanceId >= 0 &&
    instanceId < totalInstances
  );
}

/**
 * How much of each endpoint is this process's own, when all processes together use all endpoints evenly.
 *
 * Shape: the endpoints lie on a ring of length 1, each as long as its share of all weight, and the ring has a slot of one
 * length for each process. A process has as many slots in a row, from its own on, as it takes to have `minAperture`
 * endpoints of average weight; all processes together have each endpoint that many times. The result is the length of
 * each endpoint that lies within the slots, 0 for those that do not.
 * Errors: RangeError for a coordinate that is none.
 * Source: Finagle's DeterministicAperture.
 */
export function ringSlice(weights: ArrayLike<number>, peer: PeerCoordinate, minAperture: number): Float64Array {
  if (!isPeerCoordinate(peer)) {
    throw new RangeError(`there is no process ${peer.instanceId} of ${peer.totalInstances}`);
  }
  const { instanceId, totalInstances } = peer;
  const n = weights.length;
  const slots = Math.min(Math.ceil((Math.min(minAperture, n) * totalInstances) / n), totalInstances);
  const whole = sumOf(weights);
  const own = new Float64Array(n);
  if (slots === totalInstances) {
    for (let i = 0; i < n; i++) own[i] = arcOf(weights, i, whole);
    return own;
  }
  // Each border is one division, so that it is the same number for both of the processes that it lies between.
  const from = instanceId / totalInstances;
  const to = (instanceId + slots) / totalInstances;
  const rest = (instanceId + slots - totalInstances) / totalInstances;
  let before = 0;
  let start = 0;
  for (let i = 0; i < n; i++) {
    before += whole > 0 ? (weights[i] as number) : 1;
    const end = before / (whole > 0 ? whole : n);
    const inside = Math.max(Math.min(end, to) - Math.max(start, from), 0) + Math.max(Math.min(end, rest) - start, 0);
    if (inside > dust) own[i] = inside;
    start = end;
  }
  return own;
}

function sumOf(weights: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += weights[i] as number;
  return sum;
}

/** Without any weight all are alike. */
function arcOf(weights: ArrayLike<number>, i: number, whole: number): number {
  return whole > 0 ? (weights[i] as number) / whole : 1 / weights.length;
}
