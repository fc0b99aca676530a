/**
 * Draws judged trajectories with replacement: evenly, oldest or newest first, or by how hard their problems are. Reads all of a run's
 * trajectories each time; changes nothing.
 */
import { assert, SeededRandom, SegueError, type Selector, type Trajectory } from '@segue/core';
import { untriedProblem } from './rows.js';
import { requireRun } from './runs.js';
import type { Tables } from './tables.js';
import { getTrajectory } from './trajectories.js';

/** Smallest weight of a problem that is always solved. */
const priorityFloor = 0.05;
const maxSampleCount = 1024;

export interface SampleRequest {
  readonly runId: string;
  readonly count: number;
  readonly selector: Selector;
  readonly seed: number;
}

export interface SampleResult {
  readonly trajectories: readonly Trajectory[];
  /** Probability of each draw. */
  readonly probabilities: readonly number[];
  readonly population: number;
}

interface Candidate {
  readonly id: string;
  readonly weight: number;
}

export function sampleTrajectories(tables: Tables, request: SampleRequest): SampleResult {
  const { runId, count, selector, seed } = request;
  requireRun(tables, runId);
  if (count < 1 || count > maxSampleCount) {
    throw new SegueError('INVALID_INPUT', `count must be within 1 and ${maxSampleCount}, got ${count}`);
  }
  const candidates: Candidate[] = [];
  for (const { id, state, problemId } of tables.trajectories.rows([runId])) {
    if (state !== 'scored') continue;
    candidates.push({ id, weight: selector === 'prioritized' ? weightOf(tables, runId, problemId) : 1 });
  }
  const drawn = candidates.length === 0 ? [] : draw(candidates, selector, count, seed);
  return {
    trajectories: drawn.map(({ id }) => getTrajectory(tables, id)),
    probabilities: drawn.map(({ probability }) => probability),
    population: candidates.length,
  };
}

/** 1 - success rate of the problem (k1.5 section 2.3.4), with a floor. */
function weightOf(tables: Tables, runId: string, problemId: string): number {
  const { attempts, successes } = tables.problemTallies.get([runId, problemId]) ?? untriedProblem;
  return attempts === 0 ? 1 : Math.max(priorityFloor, 1 - successes / attempts);
}

function draw(candidates: readonly Candidate[], selector: Selector, count: number, seed: number) {
  const at = (index: number): Candidate => {
    const candidate = candidates[index];
    assert(candidate !== undefined, `draw ${index} of ${candidates.length}`);
    return candidate;
  };
  const ordered = (index: number) => index % candidates.length;
  if (selector === 'fifo') {
    return Array.from({ length: count }, (_, i) => ({ id: at(ordered(i)).id, probability: 1 }));
  }
  if (selector === 'lifo') {
    return Array.from({ length: count }, (_, i) => ({ id: at(candidates.length - 1 - ordered(i)).id, probability: 1 }));
  }
  const random = new SeededRandom(seed, 'sample');
  const upTo: number[] = [];
  let total = 0;
  for (const { weight } of candidates) {
    total += weight;
    upTo.push(total);
  }
  return Array.from({ length: count }, () => {
    const point = random.next() * total;
    const { id, weight } = at(firstAbove(upTo, point));
    return { id, probability: weight / total };
  });
}

/** Index of the first sum above `point`, by halving. */
function firstAbove(sums: readonly number[], point: number): number {
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sums[middle] ?? 0) > point) high = middle;
    else low = middle + 1;
  }
  return low;
}
