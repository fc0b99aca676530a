/**
 * How near a run's rollout phases came to perfect refill: `npm run bench -- refill [--data .segue] [--run demo-1] [--slots 32] [--actors 2]`.
 * For each iteration the same segment lengths are put on actors whose slots are refilled at once and without cost, each step taking what the run
 * itself shows for that many sequences; the sum of those times over the sum of the measured ones is the ratio. Prints one JSON line.
 */
import { parseArgs } from 'node:util';
import { observedStepTimes, refillBoundMs, stepTimeCurve } from '@segue/core';
import { withStore } from '../../packages/cli/dist/run/with-store.js';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: '.segue' },
    run: { type: 'string', default: 'demo-1' },
    slots: { type: 'string', default: '32' },
    actors: { type: 'string', default: '2' },
  },
});

const { segments, iterations } = await withStore(options.data, async (store) => {
  const segments = [];
  for await (const { segments: parts, tokenCounts } of store.trajectories(options.run)) {
    for (const [i, { actorId, iteration, meter }] of parts.entries()) {
      if (tokenCounts[i] > 0) segments.push({ actorId, iteration, tokens: tokenCounts[i], ...meter });
    }
  }
  const iterations = [];
  for await (const { kind, body } of store.events(options.run)) if (kind === 'iteration') iterations.push(body);
  return { segments, iterations };
});

const curve = observedStepTimes(segments);
const stepMs = stepTimeCurve(curve);
let [boundMs, generationMs, rolloutMs] = [0, 0, 0];
for (const { iteration, rolloutMs: phaseMs } of iterations) {
  const own = segments.filter((s) => s.iteration === iteration).sort((a, b) => a.startedAtMs - b.startedAtMs);
  if (own.length === 0) continue;
  boundMs += refillBoundMs({
    lengths: own.map((s) => s.tokens),
    actors: Number(options.actors),
    slotsPerActor: Number(options.slots),
    stepMs,
  });
  generationMs += Math.max(...own.map((s) => s.endedAtMs)) - own[0].startedAtMs;
  rolloutMs += phaseMs;
}
const share = (of) => Number((boundMs / of).toFixed(3));
const line = {
  run: options.run,
  iterations: iterations.length,
  boundMs: Math.round(boundMs),
  rolloutMs: Math.round(rolloutMs),
  /** From the first segment's begin to the last one's end. */
  generationMs: Math.round(generationMs),
  ofRolloutPhase: share(rolloutMs),
  ofGeneration: share(generationMs),
  stepTimes: curve,
};
process.stdout.write(`${JSON.stringify(line)}\n`);
