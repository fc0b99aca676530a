/**
 * How fast a rollout phase could be: the same segments, on actors whose freed slots are refilled at once and without cost, each step taking
 * what the measured step-time curve says. The measured phase is told as a share of it.
 */
import type { EngineTimes } from './engine-times.js';
import { SegueError } from './error.js';

export interface RefillBoundInput {
  /** Tokens of each segment, in the order of issue. */
  readonly lengths: readonly number[];
  readonly actors: number;
  readonly slotsPerActor: number;
  /** Time of one decode step with `batch` running sequences, in ms. */
  readonly stepMs: (batch: number) => number;
}

/** Makespan in ms under perfect refill: each freed slot takes the next segment of one shared queue. */
export function refillBoundMs({ lengths, actors, slotsPerActor, stepMs }: RefillBoundInput): number {
  if (actors < 1 || slotsPerActor < 1)
    throw new SegueError('INVALID_INPUT', 'a bound needs at least one actor and one slot');
  const workers = Array.from({ length: actors }, () => ({ clockMs: 0, remaining: [] as number[] }));
  let issued = 0;
  // The first round is dealt evenly, as idle actors would take it.
  const capacity = Math.min(lengths.length, actors * slotsPerActor);
  while (issued < capacity) {
    workers[issued % actors]!.remaining.push(lengths[issued]!);
    issued += 1;
  }
  let endMs = 0;
  for (;;) {
    const busy = workers.filter((worker) => worker.remaining.length > 0);
    if (busy.length === 0) return endMs;
    const worker = busy.reduce((first, w) => (w.clockMs < first.clockMs ? w : first));
    const steps = Math.min(...worker.remaining);
    worker.clockMs += steps * stepMs(worker.remaining.length);
    endMs = Math.max(endMs, worker.clockMs);
    worker.remaining = worker.remaining.map((left) => left - steps).filter((left) => left > 0);
    while (worker.remaining.length < slotsPerActor && issued < lengths.length) {
      worker.remaining.push(lengths[issued]!);
      issued += 1;
    }
  }
}

/** A measured point of the step-time curve. */
export interface StepTime {
  /** Mean number of sequences in the batch. */
  readonly batch: number;
  readonly stepMs: number;
}

/** A step-time curve from measured points, straight lines between them, level beyond the ends. @param points sorted by batch */
export function stepTimeCurve(points: readonly StepTime[]): (batch: number) => number {
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last) throw new SegueError('INVALID_INPUT', 'a step-time curve needs at least one point');
  return (batch) => {
    if (batch <= first.batch) return first.stepMs;
    if (batch >= last.batch) return last.stepMs;
    const above = points.findIndex((p) => p.batch >= batch);
    const [a, b] = [points[above - 1]!, points[above]!];
    return a.stepMs + ((batch - a.batch) / (b.batch - a.batch)) * (b.stepMs - a.stepMs);
  };
}

/**
 * The step-time curve that a run itself shows: what its chunks took over the steps that they ran, by batch. So the curve holds whatever else
 * the machine was doing, and what is left is how well slots were filled.
 * @param which `loopMs`: the decode loop alone; `decodeMs`: with the changes from chunk to chunk, which perfect refill would not need
 */
export function observedStepTimes({ decode }: EngineTimes, which: 'loopMs' | 'decodeMs'): StepTime[] {
  return Object.values(decode)
    .filter(({ steps }) => steps > 0)
    .map((times) => ({ batch: times.rowSteps / times.steps, stepMs: times[which] / times.steps }))
    .sort((a, b) => a.batch - b.batch);
}
