/**
 * How near a run's rollout phases came to perfect refill: `npm run bench -- refill [--data .segue] [--run demo-1] [--slots 32] [--actors 2]`.
 * Prints one JSON line.
 *
 * The bound: for each iteration, the same segment lengths on actors whose slots are refilled at once and without cost, so that every row of every
 * step counts; a step takes what the run's own decode loops took per step at that batch (all chunks of the run, prefill, packing and
 * changing from chunk to chunk left out). A second one takes what the engine as a whole took per step, as `npm run bench -- decode` measures it, changes of chunk included: what it leaves is what
 * refill is to blame for (rows that have ended, empty slots, waits). Prefill of the same sequences has to be done by anyone: it is a term of its own, the measured prefill time
 * shared evenly among the actors. `boundMs` is decoding plus prefill; `decodeBoundMs` is decoding alone.
 * The measured time, `rolloutMs`, goes from the plan's record to the moment when the closing rule is met: with publishing, fetching, prefill, changes of chunk,
 * segments on their way to the store, and scoring. The curve is that of the run itself, so other work on the same cores slows bound and phase alike.
 */
import { parseArgs } from 'node:util';
import { observedStepTimes, refillBoundMs, stepTimeCurve, sumEngineTimes } from '@segue/core';
import { withStore } from '../../packages/cli/dist/run/with-store.js';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: '.segue' },
    run: { type: 'string', default: 'demo-1' },
    slots: { type: 'string', default: '32' },
    actors: { type: 'string', default: '2' },
    /** First iteration that counts. */
    from: { type: 'string', default: '0' },
  },
});
const actors = Number(options.actors);

const { segments, iterations } = await withStore(options.data, async (store) => {
  const segments = [];
  for await (const { segments: parts, tokenCounts } of store.trajectories(options.run)) {
    for (const [i, { iteration, meter }] of parts.entries()) {
      if (tokenCounts[i] > 0) segments.push({ iteration, tokens: tokenCounts[i], ...meter });
    }
  }
  const iterations = [];
  for await (const { kind, body } of store.events(options.run)) {
    if (kind === 'iteration' && body.iteration >= Number(options.from)) iterations.push(body);
  }
  return { segments, iterations };
});

const engineTimes = sumEngineTimes(iterations.map((iteration) => iteration.engineTimes));
const curve = observedStepTimes(engineTimes, 'loopMs');
const stepMs = stepTimeCurve(curve);
const chunkStepMs = stepTimeCurve(observedStepTimes(engineTimes, 'decodeMs'));
const total = { decodeBoundMs: 0, chunkBoundMs: 0, prefillMs: 0, rolloutMs: 0, generationMs: 0 };
for (const { iteration, rolloutMs, engineTimes } of iterations) {
  const own = segments.filter((s) => s.iteration === iteration).sort((a, b) => a.startedAtMs - b.startedAtMs);
  if (own.length === 0) continue;
  const lengths = own.map((s) => s.tokens);
  const shape = { lengths, actors, slotsPerActor: Number(options.slots) };
  total.decodeBoundMs += refillBoundMs({ ...shape, stepMs });
  total.chunkBoundMs += refillBoundMs({ ...shape, stepMs: chunkStepMs });
  total.prefillMs += engineTimes.prefillMs / actors;
  total.rolloutMs += rolloutMs;
  total.generationMs += Math.max(...own.map((s) => s.endedAtMs)) - own[0].startedAtMs;
}
const boundMs = total.decodeBoundMs + total.prefillMs;
const decodeTimes = Object.values(engineTimes.decode);
const sumOf = (key) => decodeTimes.reduce((sum, times) => sum + times[key], 0);
const share = (a, b) => Number((a / b).toFixed(3));
const line = {
  run: options.run,
  iterations: iterations.length,
  boundMs: Math.round(boundMs),
  decodeBoundMs: Math.round(total.decodeBoundMs),
  /** Mean per actor. */
  prefillMs: Math.round(total.prefillMs),
  rolloutMs: Math.round(total.rolloutMs),
  /** From the first segment's begin to the last one's end. */
  generationMs: Math.round(total.generationMs),
  ofRolloutPhase: share(boundMs, total.rolloutMs),
  /** With a step at what the engine takes for it, changes of chunk shared out. */
  ofRolloutPhaseByChunks: share(total.chunkBoundMs + total.prefillMs, total.rolloutMs),
  ofGeneration: share(boundMs, total.generationMs),
  /** Without the term for prefill. */
  decodeOfRolloutPhase: share(total.decodeBoundMs, total.rolloutMs),
  /** Where the actors' time went, as shares of the rollout phases. */
  spent: {
    decodeLoop: share(sumOf('loopMs') / actors, total.rolloutMs),
    chunkChanges: share((sumOf('decodeMs') - sumOf('loopMs')) / actors, total.rolloutMs),
    prefill: share(total.prefillMs, total.rolloutMs),
    noChunk: share(total.rolloutMs - (sumOf('decodeMs') + engineTimes.prefillMs) / actors, total.rolloutMs),
  },
  /** Tokens that count over rows that were computed. */
  usefulRows: share(
    segments.reduce((sum, s) => sum + (s.iteration >= Number(options.from) ? s.tokens : 0), 0),
    sumOf('rowSteps'),
  ),
  meanSteps: share(sumOf('steps'), sumOf('chunks')),
  stepTimes: curve.map(({ batch, stepMs }) => ({ batch: share(batch, 1), stepMs: share(stepMs, 1) })),
};
process.stdout.write(`${JSON.stringify(line)}\n`);
