/**
 * How fast a rollout phase could be: the same segments, on actors whose freed slots are refilled at once and without cost, each step taking
 * what the measured step-time curve says. The measured phase is told as a share of it.
 */
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

/** A step-time curve from measured points, straight lines between them, level beyond the ends. @param points sorted by batch */
export function stepTimeCurve(
  points: readonly { readonly batch: number; readonly stepMs: number }[],
): (batch: number) => number {
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

/** A segment's life on its actor, as the store keeps it. */
export interface GeneratedSegment {
  readonly actorId: string;
  readonly iteration: number;
  readonly tokens: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

/** Segments shorter than this say little about a step's time: a chunk is longer than they are. */
const minTokens = 16;
/** Points of the curve that rest on fewer segments are left out. */
const minSegments = 5;
const batches = [1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 256];

/**
 * The step-time curve that a run itself shows: for each segment its time per token and the mean number of sequences that its actor ran
 * meanwhile; medians by batch. So the curve holds whatever else the machine was doing, and what is left is how well slots were filled.
 */
export function observedStepTimes(segments: readonly GeneratedSegment[]): { batch: number; stepMs: number }[] {
  const points = new Map<number, number[]>();
  for (const group of groupBy(segments, (s) => `${s.actorId} ${s.iteration}`).values()) {
    for (const segment of group) {
      const lifeMs = segment.endedAtMs - segment.startedAtMs;
      if (segment.tokens < minTokens || lifeMs <= 0) continue;
      const running = group.reduce((sum, other) => sum + overlapMs(segment, other), 0) / lifeMs;
      const batch = batches.reduce((best, b) => (Math.abs(b - running) < Math.abs(best - running) ? b : best));
      const times = points.get(batch);
      if (times) times.push(lifeMs / segment.tokens);
      else points.set(batch, [lifeMs / segment.tokens]);
    }
  }
  return [...points]
    .filter(([, times]) => times.length >= minSegments)
    .map(([batch, times]) => ({ batch, stepMs: times.sort((a, b) => a - b)[times.length >> 1]! }))
    .sort((a, b) => a.batch - b.batch);
}

function overlapMs(a: GeneratedSegment, b: GeneratedSegment): number {
  return Math.max(0, Math.min(a.endedAtMs, b.endedAtMs) - Math.max(a.startedAtMs, b.startedAtMs));
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}
